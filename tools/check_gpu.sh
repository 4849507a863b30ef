#!/usr/bin/env bash
# All that is checked on a GPU, in about ten minutes: the tests of the CUDA drivers on real shapes, Compute
# Sanitizer where it is installed, and the benchmarks with a PyTorch that has CUDA where there is one.
#
#     tools/check_gpu.sh [folder for the reports]
set -uo pipefail
cd "$(dirname "$0")/.."
reports=${1:-gpu-reports}
mkdir -p "$reports"
failed=0
python -c "from numgd.kernels.cuda.check import check_device; check_device()" || exit 1
nvidia-smi --query-gpu=name,driver_version --format=csv,noheader | tee "$reports/device.txt"

timeout 240 python -m pytest -q -p no:cacheprovider tests/device 2>&1 | tee "$reports/tests.txt" || failed=1
if command -v compute-sanitizer > /dev/null; then
    sample=(tests/device/test_wide_on_device.py tests/device/test_minimize_on_device.py -k "wide or l-bfgs")
    for tool in memcheck racecheck; do
        timeout 120 compute-sanitizer --tool "$tool" --error-exitcode 1 python -m pytest -q -p no:cacheprovider "${sample[@]}" \
            2>&1 | tee "$reports/$tool.txt" || failed=1
    done
fi
timeout 240 python benchmarks/gpu.py 2>&1 | tee "$reports/benchmarks.txt" || failed=1
exit $failed
