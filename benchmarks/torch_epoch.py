"""Seconds of an epoch of the lesson's network in PyTorch, in either memory layout.

    python benchmarks/torch_epoch.py IMAGES.npy

Trains on 480 and validates on 90 of the images of a pleura run (float32, (n, 256, 256)), as an
epoch of the lesson has it, by 2 threads. Prints `layout<TAB>seconds`, the median of five epochs
after one that does not count. PyTorch is not among pleura's packages: `pip install torch`.
"""

import sys
import time

import numpy as np
import torch
from torch import nn

BATCH, STEPS, VALIDATION = 32, 15, 90


def build() -> nn.Module:
    """The lesson's 54,627 parameters, logits out."""
    parts, channels = [], 1
    kernels = zip([8, 8, 12, 12, 20, 20, 50], [3, 3, 3, 3, 5, 5, 5], strict=True)
    for number, (filters, kernel) in enumerate(kernels):
        parts += [nn.Conv2d(channels, filters, kernel, padding="same"), nn.ReLU()]
        parts += [nn.MaxPool2d(2)] if number < 6 else []
        channels = filters
    parts += [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(50, 128), nn.ReLU()]
    parts += [nn.Dropout(0.6), nn.Linear(128, 32), nn.ReLU(), nn.Linear(32, 1)]
    network = nn.Sequential(*parts)
    assert sum(weights.numel() for weights in network.parameters()) == 54_627
    return network


def epochs(images: torch.Tensor, labels: torch.Tensor, number: int, layout) -> list[float]:
    """Seconds of each epoch, its validation included."""
    torch.manual_seed(42)
    network = build().to(memory_format=layout)
    optimizer, loss = torch.optim.Adam(network.parameters()), nn.BCEWithLogitsLoss()
    learnt, seconds = len(images) - VALIDATION, []
    for _ in range(number):
        started = time.perf_counter()
        network.train()
        for part in torch.randperm(learnt)[: BATCH * STEPS].split(BATCH):
            optimizer.zero_grad()
            loss(network(images[part].contiguous(memory_format=layout)), labels[part]).backward()
            optimizer.step()
        network.eval()
        with torch.no_grad():
            for part in torch.arange(learnt, len(images)).split(BATCH):
                loss(network(images[part].contiguous(memory_format=layout)), labels[part])
        seconds.append(time.perf_counter() - started)
    return seconds


if __name__ == "__main__":
    torch.set_num_threads(2)
    array = np.load(sys.argv[1], mmap_mode="r")[: BATCH * STEPS + VALIDATION]
    images = torch.from_numpy(np.array(array))[:, None]
    labels = torch.arange(len(images))[:, None].remainder(2).float()
    for name in ("contiguous_format", "channels_last"):
        found = epochs(images, labels, 6, getattr(torch, name))
        print(f"{name}\t{np.median(found[1:]):.3f}", flush=True)
