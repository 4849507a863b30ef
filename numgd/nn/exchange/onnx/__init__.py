"""Networks as ONNX models: export and import."""
