import pytest

from server.policy import Policy, load_policy

RULES = """
rules:
  - name: clear case in an advertisement
    when: {verdict: likely_manipulated, probability_at_least: 0.95, category: political_ad}
    action: block
  - name: likely manipulated
    when: {verdict: likely_manipulated}
    action: hold
  - name: unsure
    when: {verdict: inconclusive, probability_at_least: 0.5, probability_below: 0.8}
    action: label
  - name: clean
    when: {category: review, probability_below: 0.3}
    action: block
  - name: more than nothing
    when: {category: review, probability_at_least: 0.01}
    action: block
  - name: nothing to go by
    when: {verdict: none}
    action: label
default: allow
"""


@pytest.fixture
def policy(tmp_path) -> Policy:
    (tmp_path / "policy.yaml").write_text(RULES)
    return load_policy(tmp_path / "policy.yaml")


@pytest.mark.parametrize(
    ("verdict", "probability", "category", "action"),
    [
        ("likely_manipulated", 0.97, "political_ad", "block"),
        ("likely_manipulated", 0.97, None, "hold"),
        ("likely_manipulated", 0.90, "political_ad", "hold"),
        ("inconclusive", 0.5, None, "label"),
        ("inconclusive", 0.8, None, "allow"),
        ("no_signs_found", 0.1, "political_ad", "allow"),
        (None, None, None, "label"),
        (None, None, "review", "label"),  # nothing was judged: that is no low probability
    ],
)
def test_the_first_rule_that_fits_decides(policy, verdict, probability, category, action):
    decided = policy.decide({"verdict": verdict, "probability": probability}, category)
    assert [one["action"] for one in decided] == [action]


@pytest.mark.parametrize(
    "text",
    [
        "rules: [{name: x, when: {verdict: fake}, action: block}]",
        "rules: [{name: x, when: {probability_at_least: 95}, action: block}]",
        "rules: [{name: x, when: {probability_below: 50}, action: allow}]",
        "rules: [{name: x, when: {probability_above: 0.9}, action: block}]",
        "rules: [{name: x, when: {}, action: block, category: political_ad}]",
        "rules: 7",
        "default: delete",
        "rules: [",
        "rule: []",
    ],
)
def test_a_policy_that_does_not_say_what_to_do_is_refused_at_the_start(tmp_path, text):
    (tmp_path / "policy.yaml").write_text(text)
    with pytest.raises(ValueError, match="cannot be used"):
        load_policy(tmp_path / "policy.yaml")


def test_a_policy_that_cannot_be_read_is_refused_by_its_name(tmp_path):
    (tmp_path / "latin-1.yaml").write_bytes("default: allow  # für alle".encode("latin-1"))
    for path in (tmp_path / "latin-1.yaml", tmp_path / "nowhere.yaml"):
        with pytest.raises(ValueError, match=f"{path} cannot be used"):
            load_policy(path)


def test_without_a_policy_there_are_no_actions():
    assert load_policy(None) is None
