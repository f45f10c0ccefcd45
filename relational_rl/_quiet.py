"""Import TensorFlow without the lines it prints on the terminal while it looks for devices.

Those lines come from C++ before any Python switch for them exists, so the process's standard
error is set aside for the second that the import and the device search take. Errors are raised
as exceptions as always, and `TF_CPP_MIN_LOG_LEVEL=0` in the environment shows every line.
"""

import os
import tempfile

if os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2") == "0":
    import tensorflow as tf
else:
    with tempfile.TemporaryFile() as set_aside:
        stderr = os.dup(2)
        os.dup2(set_aside.fileno(), 2)
        try:
            import tensorflow as tf

            # Looking for a GPU is what prints; an operation starts the runtime.
            tf.zeros([]).numpy()
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)

__all__ = ["tf"]
