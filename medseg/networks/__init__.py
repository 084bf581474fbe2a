"""Segmentation networks that MONAI does not have: FocusNet, DeepLabv3+, FCN-8s and SegNet; all in 2D and 3D."""
