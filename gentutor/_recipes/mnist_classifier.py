"""A convolutional classifier of MNIST, 128 features before its ten logits: the judge of samples (chapter "evaluation")."""

import functools
import math

import torch

from .. import data, evaluation, nets, runtime, train

DATA = "MNIST, 60 000 training images, each shifted by up to 2 pixels each way afresh in each epoch; measured on the 10 000 test images"
RECIPE = {"fine": 32, "coarse": 48, "epochs": 16, "batch": 128, "shift": 2, "peak_rate": 3e-3, "schedule": "one cycle, warm-up 0.15",
          "optimiser": "AdamW, weight decay 0.01", "ema": 0.999, "seed": 0, "bf16": True, "threads": 1}  # fmt: skip


def shifted(images, most, generator):
    """The images (B, 28, 28), each moved by its own whole number of pixels, -most…most, each way; what comes in is empty."""
    rows, columns = (torch.randint(2 * most + 1, (2, len(images), 1), generator=generator)).to(images.device)
    places = torch.arange(28, device=images.device)
    padded = torch.nn.functional.pad(images, (most,) * 4)
    which = torch.arange(len(images), device=images.device)[:, None, None]
    return padded[which, (rows + places)[:, :, None], (columns + places)[:, None, :]]


def build(epochs=RECIPE["epochs"]):
    """Train on the CPU (a GPU if there is one) and return the state dict of the averaged weights."""
    device, generator = runtime.device(), runtime.seed(RECIPE["seed"])
    images, labels = data.mnist("train", device)
    net = nets.DigitClassifier(RECIPE["fine"], RECIPE["coarse"]).to(device, memory_format=torch.channels_last)
    steps = epochs * math.ceil(len(images) / RECIPE["batch"])
    optimiser = torch.optim.AdamW(net.parameters(), lr=RECIPE["peak_rate"], weight_decay=0.01, fused=True)
    state = train.State(net, optimiser, generators=generator, schedule=train.one_cycle(steps), ema=RECIPE["ema"])

    def step(index):
        x = shifted(images[index], RECIPE["shift"], generator).unsqueeze(1).float() / 255
        logits = net(x.contiguous(memory_format=torch.channels_last))
        return {"loss": torch.nn.functional.cross_entropy(logits.float(), labels[index])}

    order = functools.partial(data.batches, len(images), RECIPE["batch"], epochs=epochs, device=device)
    train.run(train.fit(step, order, state, bf16=RECIPE["bf16"]), total=steps, lines=epochs)
    return state.averages["model"].state_dict()


def measure(tensors):
    """Accuracy on the test images, the cross-entropy, and the mean of the largest probability."""
    images, labels = data.mnist("test")
    seen = evaluation.Judge(tensors)(images)
    true = seen.probabilities.gather(1, labels[:, None])
    return {"test_accuracy": round((seen.labels == labels).double().mean().item(), 4), "test_images": len(labels),
            "cross_entropy_nats": round(-true.log().mean().item(), 6),
            "mean_confidence": round(seen.probabilities.max(1).values.mean().item(), 6)}  # fmt: skip
