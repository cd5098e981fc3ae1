"""Bayes' rule twice: counted on a thousand people, and added up on the line of log-odds."""

import traitlets

from . import Explorable


class BayesOdds(Explorable):
    """State: prior, sensitivity = p(+ | ill) and false_positive_rate = p(+ | healthy), strictly between 0 and 1;
    results, up to four of + and -; story, the words ("illness" or "spam"). Other values raise TraitError.
    """

    module = "bayes_odds"
    title = "Bayes' rule on a thousand people and on the line of log-odds"
    alt = (
        "A thousand people as icons. 108 of them test positive: 9 ill ones, drawn as diamonds, and 99 healthy ones, drawn as discs. "
        "Below, a line of odds: from 1 to 99, one positive test is an arrow of a factor 9 to the right, ending at 1 to 11, which is 8.3 percent."
    )

    prior = traitlets.Float(0.01).tag(sync=True)
    sensitivity = traitlets.Float(0.9).tag(sync=True)
    false_positive_rate = traitlets.Float(0.1).tag(sync=True)
    results = traitlets.Unicode("+").tag(sync=True)
    story = traitlets.Enum(["illness", "spam"], "illness").tag(sync=True)

    @traitlets.validate("prior", "sensitivity", "false_positive_rate")
    def _inside(self, proposal):
        name, value = proposal["trait"].name, proposal["value"]
        if not 0 < value < 1:
            raise traitlets.TraitError(f"{name}: expected a number strictly between 0 and 1, got {value}")
        return value

    @traitlets.validate("results")
    def _signs(self, proposal):
        value = proposal["value"]
        if not set(value) <= {"+", "-"} or len(value) > 4:
            raise traitlets.TraitError(f"results: expected up to four of + and -, got {value!r}")
        return value
