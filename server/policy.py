"""What an operator makes of an answer: a YAML file of rules, the first that fits decides.

    rules:
      - name: clear case in political advertising
        when: {verdict: likely_manipulated, probability_at_least: 0.95, category: political_ad}
        action: block
      - name: likely manipulated
        when: {verdict: likely_manipulated}
        action: hold
    default: allow

`hold` puts the check into the review queue, where a person decides.
"""

from pathlib import Path
from typing import Any, Literal, get_args

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from core.analysis import Verdict

Action = Literal["allow", "label", "hold", "block"]


class When(BaseModel):
    """All that is said must fit; "none" is a video that was looked at and gave no verdict."""

    model_config = ConfigDict(extra="forbid")

    verdict: Literal[*get_args(Verdict), "none"] | None = None
    probability_at_least: float = Field(0.0, ge=0, le=1)
    probability_below: float | None = Field(None, ge=0, le=1)
    category: str | None = None

    def fits(self, analysis: dict[str, Any], category: str | None) -> bool:
        verdict = analysis["verdict"] or "none"
        is_meant = self.verdict in (None, verdict) and self.category in (None, category)
        return is_meant and self._holds(analysis["probability"])

    def _holds(self, probability: float | None) -> bool:
        """Whether it lies within the bounds. Where nothing was judged it is neither high nor low."""
        if probability is None:
            return self.probability_at_least == 0 and self.probability_below is None
        is_below = self.probability_below is None or probability < self.probability_below
        return is_below and probability >= self.probability_at_least


class Rule(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: str
    when: When
    action: Action


class Policy(BaseModel):
    model_config = ConfigDict(extra="forbid")

    rules: list[Rule] = []
    default: Action = "allow"

    def decide(self, analysis: dict[str, Any], category: str | None) -> list[dict[str, Any]]:
        """The `actions` of a result."""
        for rule in self.rules:
            if rule.when.fits(analysis, category):
                return [{"action": rule.action, "rule": rule.name}]
        return [{"action": self.default, "rule": "default"}]


def load_policy(path: Path | None) -> Policy | None:
    """None where there is none. Raises ValueError, in words for the operator, for a file that does not say what to do."""
    if path is None:
        return None
    try:
        return Policy.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError, yaml.YAMLError, ValidationError) as error:
        raise ValueError(f"the policy {path} cannot be used: {error}") from error
