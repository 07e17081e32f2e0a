"""The miniature's "Places-CNN": a small network that has learnt scenes from other rooms."""

import io

import numpy as np
import torch
from torch import nn

from companion.data.places import Small, prepared
from companion.miniature.plan import generator
from companion.miniature.rooms import buildings, sensors
from companion.miniature.rooms.scenes import SCENES

# Coloured pictures that it is trained on, of buildings that are in no list.
PICTURES, BUILDINGS, EPOCHS, BATCH, RATE = 480, 40, 12, 32, 3e-3
SIZE, FOCAL, SIDE = (96, 72), 80.0, 64


def checkpoint(seed: int) -> bytes:
    """Return the trained network as a file of the layout of Places365's.

    Args:
        seed: of the miniature.
    """
    pictures, labels = rooms(seed)
    threads = torch.get_num_threads()
    # Sums over other numbers of threads end in other digits.
    torch.set_num_threads(1)
    try:
        network = trained(pictures, labels, seed)
    finally:
        torch.set_num_threads(threads)
    file = io.BytesIO()
    torch.save({"arch": "small", "state_dict": network.state_dict()}, file)
    return file.getvalue()


def rooms(seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Return colour pictures `(n, 3, 64, 64)`, ImageNet-normalised, and their scenes `(n,)`."""
    pictures, labels, scenes = [], [], list(SCENES)
    for k in range(PICTURES):
        building, room = f"other{k % BUILDINGS}", f"other_room{k}"
        view = buildings.look(scenes[k % len(scenes)], building, room, 0, seed, FOCAL, SIZE)
        photo = sensors.photographed(view.colour, generator(seed, room, "photo"))
        pictures.append(prepared(photo, SIDE))
        labels.append(k % len(scenes))
    return torch.cat(pictures), torch.tensor(labels)


def trained(pictures: torch.Tensor, labels: torch.Tensor, seed: int) -> Small:
    """Return a network that has learnt to name the scenes of pictures, in eval mode."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = Small(len(SCENES)).train()
        optimizer = torch.optim.Adam(network.parameters(), lr=RATE)
        rng = np.random.default_rng(seed)
        for _ in range(EPOCHS):
            for batch in np.array_split(rng.permutation(len(labels)), len(labels) // BATCH):
                mirrored = pictures[batch] if rng.random() < 0.5 else pictures[batch].flip(3)
                loss = nn.functional.cross_entropy(network(mirrored), labels[batch])
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
    return network.eval()
