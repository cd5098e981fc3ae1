"""The bug museum: every planted bug fails the check it names, which holds without it.

The tests of a chapter keep CLAIMS, from a check's id to a function that makes that check.
"""

import importlib
from collections import Counter

import pytest

from gentutor.bugs import BUGS

MODULES = ("autoencoder", "bayes", "comparison", "ddpm", "elbo", "evaluation", "gan", "guidance", "intro", "kl", "naive_bayes", "vae")
OF_MODULE = {name: importlib.import_module(f"test_{name}").CLAIMS for name in MODULES}
CLAIMS = {id: verify for claims in OF_MODULE.values() for id, verify in claims.items()}
# No fewer than these, in the chapters whose issue lists the mistakes to plant.
LEAST = {"comparison": 14, "ddpm": 9, "evaluation": 13, "gan": 14, "guidance": 12, "vae": 12}


@pytest.mark.parametrize("id", CLAIMS)
def test_claim_holds(id):
    CLAIMS[id]()


@pytest.mark.parametrize("name", sorted(BUGS))
def test_bug_is_caught(name, museum):
    museum(name, CLAIMS[BUGS[name].caught_by])


def test_every_kind_of_mistake_is_there():
    count = Counter(name.partition(".")[0] for name in BUGS)
    assert sum(map(len, OF_MODULE.values())) == len(CLAIMS), "an id in two files"
    assert {chapter: count[chapter] for chapter, least in LEAST.items() if count[chapter] < least} == {}


@pytest.mark.parametrize("chapter", ["autoencoder", "comparison", "evaluation", "gan", "intro"])
def test_each_of_these_claims_has_its_bug(chapter):
    assert {bug.caught_by for name, bug in BUGS.items() if name.startswith(f"{chapter}.")} == set(OF_MODULE[chapter])
