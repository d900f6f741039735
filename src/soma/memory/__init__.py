"""What it remembers: texts are the truth, the rest are projections. Entered by `memory` and `types`."""

import os

# numpy, ONNX Runtime and their BLAS read these when they load. One thread each is 40 times faster at our sizes (two
# threads wake each other up for every small product). The only place outside settings that touches the environment.
for _variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_variable, "1")
