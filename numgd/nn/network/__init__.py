"""Networks: wiring of layers, planned memory and recorded passes."""
