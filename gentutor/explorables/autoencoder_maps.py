"""The latent maps of an autoencoder and of a VAE side by side, their decoders running in the page."""

import base64
import itertools
import math

import numpy as np
import traitlets

from . import Explorable


class AutoencoderMaps(Explorable):
    """ae_point, vae_point: the points whose decoded pictures are shown; show: "codes" or "pictures"; draws: the number of the
    sampling, 0 for none; law: what is sampled, N(0, I) ("standard") or the Gaussian of the codes ("fitted"); digit: which of the test digits was encoded, -1 for none; redraw: how often the VAE's
    encoder was asked again.

    A model of one's own, with two latent dimensions, in place of the packaged one:

        AutoencoderMaps(ae=net.decoder.state_dict(), ae_codes=codes, labels=labels)

    ae, vae: {"0.weight": (out, in), "0.bias": (out,), …} of a decoder 2 -> 784 with SiLU between its layers and logits at its
    end; ae_codes: (N, 2), vae_codes: (N, 4), mean and log-variance, what the encoder makes of N digits; labels: (N,), 0 to 9.
    Tensors or arrays. ValueError when shapes do not fit or a number is not finite; TraitError for a bad state.
    """

    module = "autoencoder_maps"
    title = "Latent maps of an autoencoder and of a VAE, with their decoders"
    alt = (
        "Two maps of 400 handwritten digits, each drawn as its own numeral at its two-dimensional code. The autoencoder's map reaches "
        "to −20, with empty stretches between the digits, and a point in one of them decodes to torn ink; 200 draws from a standard "
        "normal fall, but for one, in its crowded middle and reach 42 percent of the codes. The VAE's map is a round cloud about the "
        "origin, where the same draws reach 77 percent."
    )

    ae_point = traitlets.List(traitlets.Float(), [-10.0, -0.2], 2, 2).tag(sync=True)
    vae_point = traitlets.List(traitlets.Float(), [-1.0, 1.7], 2, 2).tag(sync=True)
    show = traitlets.Enum(["codes", "pictures"], "codes").tag(sync=True)
    draws = traitlets.Int(1, min=0).tag(sync=True)
    law = traitlets.Enum(["standard", "fitted"], "standard").tag(sync=True)
    digit = traitlets.Int(-1, min=-1).tag(sync=True)
    redraw = traitlets.Int(0, min=0).tag(sync=True)
    _own = traitlets.Dict().tag(sync=True)  # not part of a stored page: large, and different after each training

    def __init__(self, ae=None, ae_codes=None, vae=None, vae_codes=None, labels=None, **traits):
        own = {}
        if ae is not None:
            own["ae"] = packed("ae", ae, ae_codes, 2, labels)
        if vae is not None:
            own["vae"] = packed("vae", vae, vae_codes, 4, labels)
        super().__init__(_own=own, **traits)

    @traitlets.validate("ae_point", "vae_point")
    def _finite(self, proposal):
        if not all(math.isfinite(v) for v in proposal["value"]):
            raise traitlets.TraitError(f"{proposal['trait'].name}: expected two finite numbers, got {proposal['value']}")
        return proposal["value"]


def packed(name, decoder, codes, width, labels):
    """Decoder, codes (N, width) and labels (N,) as the module takes them: {tensor: {"shape", "f16"}}."""
    decoder = {key: _array(f"{name}: {key}", value) for key, value in decoder.items()}
    order = sorted((key for key in decoder if key.endswith(".weight")), key=lambda key: int(key.split(".")[0]))
    if sorted(decoder) != sorted(f"{key[:-7]}.{part}" for key in order for part in ("weight", "bias")) or not order:
        raise ValueError(f"{name}: expected '0.weight', '0.bias', … of a sequence of linear layers, got {sorted(decoder)}")
    widths = [decoder[order[0]].shape[-1], *(decoder[key].shape[0] for key in order)]
    good = all(decoder[key].shape == (out, fan) and decoder[f"{key[:-7]}.bias"].shape == (out,)
               for key, (fan, out) in zip(order, itertools.pairwise(widths)))  # fmt: skip
    if not good or widths[0] != 2 or widths[-1] != 784:
        raise ValueError(f"{name}: expected layers from 2 to 784 that fit, got widths {widths}")
    if codes is None or labels is None:
        raise ValueError(f"{name}: expected {name}_codes and labels beside the decoder")
    codes, labels = _array(f"{name}_codes", codes), _array("labels", labels)
    if codes.ndim != 2 or codes.shape[1] != width or labels.shape != codes.shape[:1] or len(codes) < 2:
        raise ValueError(f"{name}: expected codes (N, {width}) and labels (N,), got {codes.shape} and {labels.shape}")
    return {key: {"shape": list(value.shape), "f16": base64.b64encode(value.astype("<f2").tobytes()).decode()}
            for key, value in {**decoder, "codes": codes, "labels": labels}.items()}  # fmt: skip


def _array(name, value):
    value = np.asarray(value.detach().cpu() if hasattr(value, "detach") else value, dtype=np.float64)
    if not (np.abs(value) <= 65504).all():
        raise ValueError(f"{name}: expected finite numbers within ±65504, got one that is not")
    return value
