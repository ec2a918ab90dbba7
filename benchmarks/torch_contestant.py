"""The same training step in compiled PyTorch, channels last: torchvision's networks, and two that it lacks."""

import time

import torch
import torch.nn.functional as F
import torchvision
from contestants import MIB, Case, Contestant
from torch import nn

from cnn_bench.measure.training_step import LEARNING_RATE, MOMENTUM, WEIGHT_DECAY

NAMES = {'alexnet_owt': 'alexnet', 'googlenet_bn': 'googlenet'}  # ours -> torchvision's, where they differ
OWN_HEADS = {'googlenet': {'aux_logits': False, 'init_weights': False}}
# Theirs of the same name is another network: with auxiliary heads, for one.
OTHERS = ('alexnet', 'googlenet', 'inception_v3')


class BasicBlock(nn.Module):
    """Two 3x3 convolutions; a shortcut that is subsampled and filled up with zeros (option A)."""

    def __init__(self, before: int, maps: int, stride: int):
        super().__init__()
        self.conv1 = nn.Conv2d(before, maps, 3, stride, 1, bias=False)
        self.norm1 = nn.BatchNorm2d(maps)
        self.conv2 = nn.Conv2d(maps, maps, 3, 1, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(maps)
        self.stride, self.added = stride, maps - before

    def forward(self, x):
        y = self.norm2(self.conv2(F.relu(self.norm1(self.conv1(x)))))
        x = x[:, :, :: self.stride, :: self.stride]
        return F.relu(y + F.pad(x, (0, 0, 0, 0, self.added // 2, self.added - self.added // 2)))


def resnet20() -> nn.Module:
    """ResNet-20 for 32x32 images (He et al. 2015, section 4.2)."""
    blocks = [BasicBlock(16, 16, 1) for _ in range(3)]
    for before, maps in ((16, 32), (32, 64)):
        blocks += [BasicBlock(before, maps, 2), BasicBlock(maps, maps, 1), BasicBlock(maps, maps, 1)]
    stem = (nn.Conv2d(3, 16, 3, 1, 1, bias=False), nn.BatchNorm2d(16), nn.ReLU())
    return nn.Sequential(*stem, *blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10))


def fashion_cnn() -> nn.Module:
    """Five convolutions and three dense layers (Géron 2019, chapter 14)."""
    sizes = ((1, 64, 7), (64, 128, 3), (128, 128, 3), (128, 256, 3), (256, 256, 3))
    convolutions = [(nn.Conv2d(a, b, taps, 1, taps // 2), nn.ReLU()) for a, b, taps in sizes]
    pool = nn.MaxPool2d(2)
    rounds = (*convolutions[0], pool, *convolutions[1], *convolutions[2], pool, *convolutions[3], *convolutions[4])
    hidden = (nn.Linear(2304, 128), nn.ReLU(), nn.Dropout(0.5), nn.Linear(128, 64), nn.ReLU(), nn.Dropout(0.5))
    return nn.Sequential(*rounds, pool, nn.Flatten(), *hidden, nn.Linear(64, 10))


OWN = {'resnet20': resnet20, 'fashion_cnn': fashion_cnn}


def network(arch: str) -> nn.Module | None:
    """PyTorch's network of our name `arch`; None where there is none."""
    if arch in OWN:
        return OWN[arch]()
    name = NAMES.get(arch, arch)
    if arch in OTHERS or name not in torchvision.models.list_models(module=torchvision.models):
        return None
    return getattr(torchvision.models, name)(weights=None, **OWN_HEADS.get(name, {}))


def compiled_torch(case: Case) -> Contestant | None:
    """The compiled step in PyTorch, or None where PyTorch has no such network.

    A call is one step. `memory_mib` is the most that was allocated at a time, on a GPU. Raises SystemExit where its
    network has another number of parameters than ours.
    """
    torch.manual_seed(case.seed)
    model = network(case.arch)
    if model is None:
        return None
    parameters = sum(p.numel() for p in model.parameters())
    if parameters != case.facts.params:
        raise SystemExit(f'{case.arch} has {parameters:,} parameters in PyTorch, {case.facts.params:,} here')
    cuda = torch.cuda.is_available()
    device = torch.device('cuda' if cuda else 'cpu')
    torch.backends.cudnn.benchmark = True
    model = model.to(device, memory_format=torch.channels_last).train()
    images, labels = case.data()
    images = torch.from_numpy(images).permute(0, 3, 1, 2).to(device).contiguous(memory_format=torch.channels_last)
    labels = torch.from_numpy(labels).long().to(device)
    optimizer = torch.optim.SGD(
        model.parameters(), LEARNING_RATE, momentum=MOMENTUM, weight_decay=WEIGHT_DECAY, fused=True
    )
    half = case.dtype == 'bfloat16'

    @torch.compile
    def loss_of(images, labels):
        with torch.autocast(device.type, torch.bfloat16, enabled=half):
            return F.cross_entropy(model(images), labels)

    def call():
        loss = loss_of(images, labels)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        return loss

    def wait():
        if cuda:
            torch.cuda.synchronize()

    if cuda:
        torch.cuda.reset_peak_memory_stats()
    start = time.perf_counter()
    first_loss = float(call().detach())
    wait()
    memory = torch.cuda.max_memory_allocated() / MIB if cuda else None
    return Contestant('PyTorch', call, wait, 1, time.perf_counter() - start, memory, first_loss)
