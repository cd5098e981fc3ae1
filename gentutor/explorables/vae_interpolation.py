"""From one digit to another: mixing pixels, and walking between codes of an autoencoder and of a VAE."""

import base64
import itertools

import numpy as np
import traitlets

from . import Explorable


class VAEInterpolation(Explorable):
    """left, right: which of the digits the walk starts and ends at; t: how far it has come, 0 to 1.

    A model of one's own in place of the packaged ones, with any number of latents and any digits:

        VAEInterpolation(images=x, labels=y, vae=model.decoder.state_dict(), vae_codes=model.encode(x)[0])

    images: (N, 784) in [0, 1], N from 2 to 40; labels: (N,), 0 to 9; vae, ae: {"0.weight": (out, in), "0.bias": (out,), …} of a
    decoder to 784 logits with SiLU between its layers; vae_codes, ae_codes: (N, d). Without `ae` its row is left out.
    Tensors or arrays. ValueError when shapes do not fit or a number is out of range; TraitError for a bad state.
    """

    module = "vae_interpolation"
    title = "From one digit to another: mixed pixels, and walks between codes"
    alt = (
        "Four film strips from a handwritten 7 to a handwritten 3. In the strip of mixed pixels both digits show through each other, "
        "grey on grey. In the strips that walk between codes, of an autoencoder and of a VAE, each picture is one figure that changes "
        "its shape; in the middle of the VAE's straight path it is paler than on the VAE's arc."
    )

    left = traitlets.Int(14, min=0).tag(sync=True)
    right = traitlets.Int(6, min=0).tag(sync=True)
    t = traitlets.Float(0.5, min=0, max=1).tag(sync=True)
    _own = traitlets.Dict().tag(sync=True)  # not part of a stored page: large, and different after each training

    def __init__(self, images=None, labels=None, vae=None, vae_codes=None, ae=None, ae_codes=None, **traits):
        own = {}
        if images is not None or vae is not None or ae is not None:
            images, labels = _array("images", images), _array("labels", labels)
            good = images.ndim == 2 and images.shape[1] == 784 and 2 <= len(images) <= 40 and labels.shape == images.shape[:1]
            if not good or images.min() < 0 or images.max() > 1:
                raise ValueError(f"expected images (N, 784) in [0, 1] with 2 <= N <= 40 and labels (N,), got {images.shape} and {labels.shape}")
            own = _halves({"images": 255 * images, "labels": labels})
            for name, decoder, codes in (("vae", vae, vae_codes), ("ae", ae, ae_codes)):
                if decoder is not None or name == "vae":
                    own |= {f"{name}.{key}": value for key, value in packed(name, decoder, codes, len(images)).items()}
            traits = {"left": 0, "right": 1, **traits}
        super().__init__(_own=own, **traits)


def packed(name, decoder, codes, n):
    """Decoder and codes (n, d) as the module takes them: {tensor: {"shape", "f16"}}."""
    if decoder is None or codes is None:
        raise ValueError(f"{name}: expected a decoder's state dict and {name}_codes, got {'no codes' if codes is None else 'no decoder'}")
    decoder = {key: _array(f"{name}: {key}", value) for key, value in decoder.items()}
    order = sorted((key for key in decoder if key.endswith(".weight")), key=lambda key: int(key.split(".")[0]))
    if not order or sorted(decoder) != sorted(f"{key[:-7]}.{part}" for key in order for part in ("weight", "bias")):
        raise ValueError(f"{name}: expected '0.weight', '0.bias', … of a sequence of linear layers, got {sorted(decoder)}")
    codes = _array(f"{name}_codes", codes)
    widths = [codes.shape[-1], *(decoder[key].shape[0] for key in order)]
    fits = all(decoder[key].shape == (out, fan) and decoder[f"{key[:-7]}.bias"].shape == (out,)
               for key, (fan, out) in zip(order, itertools.pairwise(widths)))  # fmt: skip
    if not fits or widths[-1] != 784 or codes.shape != (n, widths[0]):
        raise ValueError(f"{name}: expected codes ({n}, d) and layers from d to 784 that fit, got codes {codes.shape} and widths {widths}")
    return _halves({**decoder, "codes": codes})


def _halves(arrays):
    return {key: {"shape": list(value.shape), "f16": base64.b64encode(value.astype("<f2").tobytes()).decode()} for key, value in arrays.items()}


def _array(name, value):
    value = np.asarray(value.detach().cpu() if hasattr(value, "detach") else value, dtype=np.float64)
    if not (np.abs(value) <= 65504).all() or not value.size:
        raise ValueError(f"{name}: expected finite numbers within ±65504, got {'none' if not value.size else 'one that is not'}")
    return value
