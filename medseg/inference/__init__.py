"""Inference. Needs torch and MONAI alone, so that it also runs on a bare GPU machine."""
