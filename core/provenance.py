"""Content Credentials (C2PA): what the file says, under signature, of its own origin.

Separate evidence beside the model's number. Most platforms strip it, so its absence means nothing, and a valid
signature says who vouches for the file, not that what it shows is true. Nothing here opens the network.
"""

import io
import json
from pathlib import Path
from typing import Any

from core.analysis import Provenance
from core.pieces import Pieces

# "Trusted" wants a trust list; Unmask ships none, so a good signature by an unknown signer is "untrusted"
STATES = {"Trusted": "valid", "Valid": "untrusted", "Invalid": "invalid"}
MANIFEST_BOX = bytes.fromhex("d8fec3d61b0e483c92975828877ec481")  # the name of the MP4 box that holds it
OFFLINE = {"verify": {"remote_manifest_fetch": False, "ocsp_fetch": False}}


def read_provenance(path: str | Path | Pieces) -> Provenance | None:
    """Read the manifest embedded in an untouched file, without changing the file.

    None where nothing can be said: c2pa-python is not installed, or the container is one it does not know. A file
    that was read and carries no manifest has the state "none". Never raises for a bad file.
    """
    try:
        import c2pa
    except ImportError:
        return None
    try:
        with c2pa.Context.from_dict(OFFLINE) as context:
            source = path.open() if isinstance(path, Pieces) else path
            unsigned = isinstance(path, Pieces) and _is_unsigned(path)
            reader = None if unsigned else c2pa.Reader.try_create(source, context=context)
            if reader is None:
                return Provenance("none", None, None, None, "The file carries no Content Credentials, as most do not.")
            with reader:
                return summarise(json.loads(reader.json()))
    except Exception:  # the library raises many kinds for damaged files, and none of them may stop a check
        return None


def _is_unsigned(pieces: Pieces) -> bool:
    """Whether this is an MP4 file in fragments without a manifest, which would stand before the first of them.

    The library looks at the head of each fragment, and they lie all over the file.
    """
    at = 0
    with io.BufferedReader(pieces.open()) as file:
        for _ in range(100):  # a few boxes come before the pictures
            file.seek(at)
            head = file.read(24)
            size = int.from_bytes(head[:4], "big")
            if head[4:8] == b"moof":
                return True
            if size < 8 or head[4:8] == b"mdat" or head[8:24] == MANIFEST_BOX:
                return False
            at += size
    return False


def summarise(store: dict[str, Any]) -> Provenance:
    """A manifest store, as c2pa writes it in JSON, in the few words a person needs."""
    manifests = list(lineage(store))
    manifest = manifests[0]
    signature = manifest.get("signature_info", {})
    signer = signature.get("common_name") or signature.get("issuer")
    generators = manifest.get("claim_generator_info") or [{}]
    generator = generators[0].get("name") or manifest.get("claim_generator")
    sources = [source for one in manifests for source in source_types(one.get("assertions", []))]
    # trainedAlgorithmicMedia, compositeWithTrainedAlgorithmicMedia, algorithmicMedia
    generated = any("algorithmicmedia" in source.lower() for source in sources) if sources else None
    state = STATES.get(store.get("validation_state"), "invalid")
    said = _sentence(state, signer, generated, was_changed(store))
    return Provenance(state, signer, generator, generated, said)


def lineage(store: dict[str, Any]):
    """The active manifest, and those of what was opened and signed anew, back to the first."""
    name, seen = store["active_manifest"], set()
    while name in store["manifests"] and name not in seen:
        seen.add(name)
        yield store["manifests"][name]
        parents = (i for i in store["manifests"][name].get("ingredients", []) if i.get("relationship") == "parentOf")
        name = next((parent.get("active_manifest") for parent in parents), None)


def was_changed(store: dict[str, Any]) -> bool:
    """Whether what was signed differs from what is there, and it is not only the signature that does not hold."""
    failures = store.get("validation_results", {}).get("activeManifest", {}).get("failure", [])
    return any("mismatch" in failure.get("code", "").lower() for failure in failures)


def source_types(value: Any):
    """Every digitalSourceType below a JSON value."""
    if isinstance(value, dict):
        if isinstance(value.get("digitalSourceType"), str):
            yield value["digitalSourceType"]
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from source_types(item)


def _sentence(state: str, signer: str | None, generated: bool | None, changed: bool) -> str:
    by = signer or "an unnamed signer"
    said = {
        "valid": f"Signed by {by}, who is on the trust list, and unchanged since.",
        "untrusted": f"Signed by {by}, whom no trust list here vouches for, and unchanged since.",
        "invalid": f"Carries Content Credentials by {by}, "
        + (
            "but the file does not match them: it was changed after signing."
            if changed
            else "which do not hold: their certificate may have run out."
        ),
    }[state]
    return f"{said} They say that a generator made or altered it." if generated else said
