"""The directives that show the packaged contest: a small book of its own, from a table made here, and what must break its build."""

import importlib.util
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from bs4 import BeautifulSoup
from scipy import stats

from gentutor import comparison
from gentutor._files import pack

EXT = Path(__file__).parent.parent / "book" / "_ext"
RUNS = [
    {"row": "copies", "seed": 0, "minutes": 1.0, "fid": 8.5, "nearest": 0.0},
    {"row": "copies", "seed": 1, "minutes": 1.0, "fid": 8.72, "nearest": 0.0},
    *({"row": "gan", "seed": k, "minutes": 1.0, "fid": f, "bits_per_dim": None, "likelihood": None, "parameters": 543588} for k, f in enumerate((41.0, 44.5, 39.2))),
    *({"row": "flow", "seed": k, "minutes": 1.0, "fid": f, "bits_per_dim": f / 20, "likelihood": "estimate", "parameters": 1} for k, f in ((2, 19.3), (1, 24.5), (0, 21.0))),
    {"row": "vae", "seed": 0, "minutes": 3, "fid": -1.5, "bits_per_dim": 1.25, "likelihood": "bound", "parameters": 2},
]


@pytest.fixture(scope="module")
def extension():
    spec = importlib.util.spec_from_file_location("contest_table", EXT / "contest_table.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def build(tmp_path):
    def run(text):
        (tmp_path / "runs.json").write_text(json.dumps({"runs": RUNS}))
        images = torch.full((48, 28, 28), 255, dtype=torch.uint8)
        (tmp_path / "pictures.safetensors").write_bytes(pack({1.0: {"gan": images, "flow": images // 3}, 3.0: {"gan": images}}))
        (tmp_path / "conf.py").write_text(
            f"import sys\nsys.path.insert(0, {str(EXT)!r})\nextensions = ['myst_parser', 'contest_table']\n"
            f"contest_folder = {str(tmp_path)!r}\nexclude_patterns = ['out']\n")
        (tmp_path / "index.md").write_text("# Page\n\n" + text)
        done = subprocess.run(
            [sys.executable, "-m", "sphinx", "-qW", "--keep-going", "-b", "html", ".", "out"], cwd=tmp_path, capture_output=True, text=True)
        return done, (tmp_path / "out" / "index.html").read_text() if not done.returncode else ""

    return run


def cells(page):
    return [[cell.get_text(strip=True) for cell in row.find_all(["th", "td"])] for row in BeautifulSoup(page, "html.parser").select("table tr")]


@pytest.mark.parametrize("df", [1, 2, 4, 9, 30])
@pytest.mark.parametrize("p", [0.6, 0.975, 0.995])
def test_quantiles(extension, p, df):
    assert extension.t_quantile(p, df) == pytest.approx(stats.t.ppf(p, df), rel=1e-8)


def test_the_interval_is_that_of_the_chapter(extension):
    mean, half = extension.around([41.0, 44.5, 39.2])
    own = comparison.mean_interval([41.0, 44.5, 39.2])
    assert (mean - half, mean, mean + half) == pytest.approx((own.low, own.mean, own.high), rel=1e-9)


@pytest.mark.parametrize("values, text", [
    ([41.0, 44.5, 39.2], "42 ± 7"), ([41.0, 41.9, 40.6], "41.2 ± 1.7"), ([988.0, 993.0, 998.0], "993 ± 12"), ([-0.9, -0.887, -0.874], "−0.89 ± 0.03"), ([0.5] * 3, "0.500"),
    ([0.0, 0.0], "0"), ([543588] * 5, "543\u202f588"), ([1.2345], "1.23"), ([26.56, 27.1], "26.6; 27.1"), ([993.2, 994], "993; 994"), ([-1.5, 2], "−1.50; 2"),
])  # fmt: skip
def test_digits(extension, values, text):
    assert extension.show(values) == text


def test_table_and_number(build):
    done, page = build("```{contest-table} 1\n:measures: fid bits_per_dim nearest parameters\n```\n\nThe GAN has {contest}`fid | gan | 1` from {contest}`seeds | gan | 1`.")
    assert done.returncode == 0, done.stderr
    assert cells(page) == [
        ["", "FID", "bits per dimension", "nearest", "parameters"],
        ["copies", "8.50; 8.72", "–", "0", "–"],
        ["GAN", "42 ± 7", "–", "–", "543\u202f588"],
        ["flow matching", "22 ± 7", "≈ 1.1 ± 0.3", "–", "1"],
    ]
    assert "The GAN has" in page and re.search(r"<span class=\"gt-nobr\">42 ± 7</span> from <span class=\"gt-nobr\">3</span>", page)


def test_differences_are_taken_seed_by_seed(build):
    """20.0, 20.0 and 19.9: by the order of the list they would scatter widely."""
    done, page = build("They differ by {contest}`fid | gan - flow | 1`.")
    assert done.returncode == 0, done.stderr
    assert "19.97 ± 0.14" in page


def test_a_bound_of_one_seed(build):
    done, page = build("```{contest-table} 3\n:measures: fid bits_per_dim\n```")
    assert done.returncode == 0, done.stderr
    assert cells(page)[1] == ["VAE", "−1.50", "≤ 1.25"]


def test_pictures_stand_within_the_page(build):
    done, page = build("```{contest-pictures} 1 3\n```")
    assert done.returncode == 0, done.stderr
    images = BeautifulSoup(page, "html.parser").select("table img")
    assert [image["alt"] for image in images] == ["Sixteen digits drawn by " + what for what in ("GAN after 1 min", "GAN after 3 min", "flow matching after 1 min")]
    assert all(image["src"].startswith("data:image/png;base64,") for image in images) and images[0]["src"] != images[2]["src"] and cells(page)[-1] == ["flow matching", "", "–"]


def test_the_strip_shows_the_first_sixteen_in_order(extension):
    import base64
    import io

    from PIL import Image

    images = b"".join(bytes([10 * k]) * 784 for k in range(48 // 2))
    picture = Image.open(io.BytesIO(base64.b64decode(extension.strip(images).partition(",")[2]))).convert("L")
    assert picture.size == (224, 56)
    assert [picture.getpixel((28 * (k % 8) + 14, 28 * (k // 8) + 14)) for k in range(16)] == [255 - 10 * k for k in range(16)]


@pytest.mark.parametrize("text, words", [
    ("```{contest-table} 2\n```", "expected one of [1.0, 3], got 2"),
    ("```{contest-table} 1\n:measures: fdi\n```", "got 'fdi'"),
    ("```{contest-pictures} 1 2\n```", "minutes: expected some of [1.0, 3.0], got [1.0, 2.0]"),
    ("{contest}`fid | gna | 1`", "got 'gna'"),
    ("{contest}`fid | gan - copies | 1`", "two rows of the same seeds"),
    ("{contest}`fid gan 1`", "expected 'measure | row | minutes'"),
])
def test_what_breaks_the_build(build, text, words):
    done, _ = build(text)
    assert done.returncode != 0 and words in done.stderr
