"""What pleura's scripts share: reading images, models, augmentation, metrics, plots."""
