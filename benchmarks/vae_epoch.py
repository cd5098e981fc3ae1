"""How long an epoch of the VAE 784-400-20 takes on MNIST: this book's loop, the common tutorial's, and the bare products.

    python benchmarks/vae_epoch.py                       # about five minutes on two cores; quiet ones, please
    python benchmarks/vae_epoch.py --images 6000 --rounds 2 --quick

Each contender lives in a process of its own, and they take turns, an epoch each, in a new order each round; while one
works the others wait. A ratio is taken within a round and the median over the rounds is printed, with the extremes; the
CPU seconds, of all threads, leave out the waiting for a busy machine. Then all have trained equally many epochs, and their
-ELBO on the test set is compared, on binarised images and on grey ones (the tutorial's loop trains on grey ones). "bf16"
means bfloat16 products where the machine has fast ones (`train.bf16_pays`).

The tutorial's loop is that of PyTorch's own example (pytorch/examples, vae/main.py), with torchvision's MNIST and
ToTensor written out: a PIL image and a tensor for each example, a DataLoader that stacks them, Adam at 1e-3, sigmoid and
binary cross-entropy. It runs on torch's own number of threads and, beside that, on one; what is quoted is against the faster.
"""

import argparse
import functools
import json
import math
import random
import statistics
import subprocess
import sys
import time

import numpy as np
import torch
from PIL import Image

from gentutor import data, nets, train, vae

F = torch.nn.functional


class Products:
    """The matrix products of forward and backward, and nothing else, on one thread."""

    def __init__(self, images, batch, rounds):
        torch.set_num_threads(1)
        sizes = [(784, 400), (400, 40), (20, 400), (400, 784)]
        self.weights = [torch.randn(b, a) for a, b in sizes]
        self.x, self.batch = images.float() / 255, batch

    def epoch(self):
        w1, w2, w3, w4 = self.weights
        for x in self.x.split(self.batch):
            h = x @ w1.T
            q = h @ w2.T
            z = q[:, :20]
            h2 = z @ w3.T
            out = h2 @ w4.T
            out.T @ h2
            d2 = out @ w4
            d2.T @ z
            d2 @ w3
            q.T @ h
            d = q @ w2
            d.T @ x


class Ours:
    """gentutor's loop, on one thread. The plain one has the tutorial's rate and activation; the book's has its own."""

    def __init__(self, images, batch, rounds, book=False, bf16=False):
        self.x = images
        self.generator = torch.Generator().manual_seed(0)
        widths, options = [784, 400, 40], {"activation": "silu" if book else "relu"}
        decoder = nets.mlp([20, 400, 784], self.generator, **options)
        self.net = vae.VAE(nets.mlp(widths, self.generator, **options), nets.start_at(decoder, nets.logit_mean(images)))
        adam = torch.optim.Adam(self.net.parameters(), lr=4e-3 if book else 1e-3, fused=True)
        steps = rounds * math.ceil(len(images) / batch)
        self.state = train.State(self.net, adam, generators=self.generator, schedule=train.one_cycle(steps) if book else None)
        order = functools.partial(data.batches, len(images), batch, epochs=rounds)
        self.records = train.fit(self.step, order, self.state, bf16=bf16 and train.bf16_pays())
        self.each = math.ceil(len(images) / batch)

    def step(self, index):
        return vae.loss(self.net, data.binarise(self.x.index_select(0, index), self.generator), self.generator)

    def epoch(self):
        for _ in range(self.each):
            next(self.records)

    def elbo(self, x):
        return vae.elbo_terms(self.net, x, torch.Generator().manual_seed(1)).elbo.mean().item()


class Digits(torch.utils.data.Dataset):
    """As torchvision's MNIST with ToTensor: a PIL image, then a float tensor (1, 28, 28), for each example."""

    def __init__(self, images, labels):
        self.data, self.targets = images.view(-1, 28, 28), labels

    def __getitem__(self, index):
        image, target = self.data[index], int(self.targets[index])
        image = Image.fromarray(image.numpy())
        tensor = torch.from_numpy(np.array(image, np.uint8, copy=True)).view(image.size[1], image.size[0], 1)
        return tensor.permute(2, 0, 1).contiguous().to(torch.get_default_dtype()).div(255), target

    def __len__(self):
        return len(self.data)


class TutorialVAE(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1, self.fc21, self.fc22 = torch.nn.Linear(784, 400), torch.nn.Linear(400, 20), torch.nn.Linear(400, 20)
        self.fc3, self.fc4 = torch.nn.Linear(20, 400), torch.nn.Linear(400, 784)

    def forward(self, x):
        h = F.relu(self.fc1(x.view(-1, 784)))
        mu, logvar = self.fc21(h), self.fc22(h)
        z = mu + torch.randn_like(mu) * torch.exp(0.5 * logvar)
        return torch.sigmoid(self.fc4(F.relu(self.fc3(z)))), mu, logvar


class Tutorial:
    def __init__(self, images, batch, rounds, threads=None):
        if threads:
            torch.set_num_threads(threads)
        torch.manual_seed(0)
        self.model = TutorialVAE()
        self.optimizer = torch.optim.Adam(self.model.parameters(), lr=1e-3)
        labels = data.mnist("train").labels[: len(images)]
        self.loader = torch.utils.data.DataLoader(Digits(images, labels), batch_size=batch, shuffle=True)

    def loss(self, x):
        recon, mu, logvar = self.model(x)
        bce = F.binary_cross_entropy(recon, x.view(-1, 784), reduction="sum")
        return bce - 0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp())

    def epoch(self):
        total = 0
        for x, _ in self.loader:
            self.optimizer.zero_grad()
            loss = self.loss(x)
            loss.backward()
            total += loss.item()
            self.optimizer.step()

    def elbo(self, x):
        torch.manual_seed(1)
        return -self.loss(x).item() / len(x)


CONTENDERS = {
    "tutorial, batch 128": (Tutorial, 128, {}),
    "tutorial, batch 128, one thread": (Tutorial, 128, {"threads": 1}),
    "ours, batch 128": (Ours, 128, {}),
    "ours, batch 128, bf16": (Ours, 128, {"bf16": True}),
    "products, batch 128": (Products, 128, {}),
    "ours, batch 512": (Ours, 512, {}),
    "products, batch 512": (Products, 512, {}),
    "the book's recipe, batch 512": (Ours, 512, {"book": True, "bf16": True}),
}


def work(name, n, rounds):
    """A contender's process: an epoch for each line that comes in, its seconds out; then its -ELBO on the test set."""
    kind, batch, options = CONTENDERS[name]
    contender = kind(data.mnist("train").images[:n].flatten(1), batch, rounds, **options)
    print(json.dumps("ready"), flush=True)
    for _ in range(rounds):
        sys.stdin.readline()
        start = time.perf_counter(), time.process_time()
        contender.epoch()
        print(json.dumps([time.perf_counter() - start[0], time.process_time() - start[1]]), flush=True)
    grey = data.mnist("test").images.flatten(1)
    with torch.no_grad():
        sets = {"binary": data.binarise(grey, torch.Generator().manual_seed(0)), "grey": grey.float() / 255}
        print(json.dumps({key: -contender.elbo(x) for key, x in sets.items()} if hasattr(contender, "elbo") else {}), flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=60_000)
    parser.add_argument("--rounds", type=int, default=5, help="epochs that each contender trains")
    parser.add_argument("--quick", action="store_true", help="leave out the tutorial on torch's own threads: on a busy machine it takes minutes")
    parser.add_argument("--work", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.work:
        work(given.work, given.images, given.rounds)
        return
    command = [sys.executable, __file__, "--images", str(given.images), "--rounds", str(given.rounds), "--work"]
    workers = {name: subprocess.Popen([*command, name], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
               for name in CONTENDERS if not (given.quick and name == "tutorial, batch 128")}

    def answer(name):
        return json.loads(workers[name].stdout.readline())

    for name in workers:
        answer(name)
    seconds, shuffled = {name: [] for name in workers}, random.Random(0)
    for _ in range(given.rounds):
        for name in shuffled.sample(list(workers), len(workers)):
            print("epoch", file=workers[name].stdin, flush=True)
            seconds[name].append(answer(name))
    elbos = {name: answer(name) for name in workers}

    print(f"VAE 784-400-20, {given.images} images, {given.rounds} interleaved rounds, torch {torch.__version__}, "
          f"{torch.get_num_threads()} threads by default, bf16 pays: {train.bf16_pays()}\n")
    print(f"{'seconds an epoch':32} median   min     max    CPU   -ELBO, binary / grey")
    for name, times in seconds.items():
        wall, cpu = zip(*times)
        row = f"{name:32} {statistics.median(wall):6.2f} {min(wall):6.2f} {max(wall):7.2f} {statistics.median(cpu):6.2f}"
        print(row + (f"   {elbos[name]['binary']:.1f} / {elbos[name]['grey']:.1f}" if elbos[name] else ""))
    tutorials = [name for name in seconds if name.startswith("tutorial")]
    fastest = min(tutorials, key=lambda name: statistics.median(wall for wall, _ in seconds[name]))
    print(f"\nratios within a round: median (min … max), and the median by CPU time; tutorial = '{fastest}'")
    for text, over, under in [
        ("tutorial / ours, batch 128", fastest, "ours, batch 128"),
        ("tutorial / ours, 128, bf16", fastest, "ours, batch 128, bf16"),
        ("tutorial / the book's recipe", fastest, "the book's recipe, batch 512"),
        ("ours / products, batch 128", "ours, batch 128", "products, batch 128"),
        ("ours / products, batch 512", "ours, batch 512", "products, batch 512"),
        ("the book's recipe / products", "the book's recipe, batch 512", "products, batch 512"),
    ]:
        ratios, cpu = zip(*[(a / b, c / d) for (a, c), (b, d) in zip(seconds[over], seconds[under])])
        print(f"{text:32} {statistics.median(ratios):6.2f} ({min(ratios):.2f} … {max(ratios):.2f})   {statistics.median(cpu):6.2f}")


if __name__ == "__main__":
    main()
