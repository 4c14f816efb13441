"""Content Credentials, read from clips signed with a certificate made here."""

import datetime
import socket
import sys

import av
import c2pa
import numpy as np
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID, NameOID

from benchmarks.clips import repeat
from core.pieces import Pieces
from core.provenance import read_provenance, summarise

GENERATED = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
CAPTURED = "http://cv.iptc.org/newscodes/digitalsourcetype/digitalCapture"


def test_a_signed_clip_names_its_signer_and_that_no_trust_list_knows_him(plain_clip, signer, tmp_path):
    found = read_provenance(sign(plain_clip, tmp_path / "signed.mp4", signer, CAPTURED))
    assert (found.state, found.signer, found.claim_generator) == ("untrusted", "Test Camera", "unmask-tests")
    assert found.ai_generated is False


def test_a_clip_whose_credentials_say_a_generator_made_it_is_reported_so(plain_clip, signer, tmp_path):
    found = read_provenance(sign(plain_clip, tmp_path / "signed.mp4", signer, GENERATED))
    assert found.ai_generated is True
    assert "generator" in found.summary


def test_a_clip_changed_after_signing_is_invalid(plain_clip, signer, tmp_path):
    signed = sign(plain_clip, tmp_path / "signed.mp4", signer, CAPTURED)
    content = bytearray(signed.read_bytes())
    content[-50] ^= 0xFF
    signed.write_bytes(content)
    assert read_provenance(signed).state == "invalid"


def test_a_clip_without_credentials_has_none(plain_clip):
    assert read_provenance(plain_clip).state == "none"


@pytest.mark.parametrize("name", ["text.mp4", "empty.mp4", "cut.mp4", "note.xyz", "absent.mp4"])
def test_a_file_that_cannot_be_read_says_nothing_and_raises_nothing(name, plain_clip, signer, tmp_path):
    signed = sign(plain_clip, tmp_path / "signed.mp4", signer, CAPTURED)
    content = {"text.mp4": b"hello", "empty.mp4": b"", "note.xyz": b"hello", "cut.mp4": signed.read_bytes()[:900]}
    if name in content:
        (tmp_path / name).write_bytes(content[name])
    assert read_provenance(tmp_path / name) is None


def test_reading_leaves_the_file_as_it_was(plain_clip, signer, tmp_path):
    signed = sign(plain_clip, tmp_path / "signed.mp4", signer, CAPTURED)
    before = signed.read_bytes()
    read_provenance(signed)
    assert signed.read_bytes() == before


@pytest.mark.parametrize("kind", ["signed", "plain", "fragments", "signed fragments"])
def test_a_file_that_comes_in_pieces_is_said_the_same_of(kind, plain_clip, signer, tmp_path):
    path = fragments(plain_clip, tmp_path / "fragments.mp4", 3) if "fragments" in kind else plain_clip
    if "signed" in kind:
        path = sign(path, tmp_path / "signed.mp4", signer, CAPTURED)
    whole = read_provenance(path)
    assert whole.state == ("untrusted" if "signed" in kind else "none")
    with Pieces(path, path.stat().st_size, 100, lambda number: None) as pieces:
        assert read_provenance(pieces) == whole


def test_of_a_file_in_fragments_without_credentials_only_the_beginning_is_asked_for(plain_clip, tmp_path):
    path, brought = fragments(plain_clip, tmp_path / "fragments.mp4", 20), []
    with Pieces(path, path.stat().st_size, 1000, brought.append) as pieces:
        assert read_provenance(pieces).state == "none"
    assert set(brought) <= {0, 1} and path.stat().st_size > 10_000


def test_without_the_library_nothing_is_said(plain_clip, monkeypatch):
    monkeypatch.setitem(sys.modules, "c2pa", None)  # as if it were not installed
    assert read_provenance(plain_clip) is None


def test_a_generator_that_took_part_anywhere_is_told_and_where_no_source_is_named_nothing_is():
    composite = GENERATED.replace("trainedAlgorithmicMedia", "compositeWithTrainedAlgorithmicMedia")
    untrained = GENERATED.replace("trainedAlgorithmicMedia", "algorithmicMedia")
    told = [summarise(store(*sources)).ai_generated for sources in ([CAPTURED, composite], [untrained], [CAPTURED], [])]
    assert told == [True, True, False, None]


def test_a_signer_without_a_name_is_told_by_who_vouches_for_him_if_anybody_does():
    assert summarise(store() | {"validation_state": "Trusted"}).summary.startswith(
        "Signed by an unnamed signer, who is on"
    )
    named = store(signature={"issuer": "Test Authority"}, claim_generator="old-writer/1.0")
    found = summarise(named)
    assert (found.signer, found.claim_generator) == ("Test Authority", "old-writer/1.0")
    assert "Signed by Test Authority, whom no trust list here" in found.summary


@pytest.mark.parametrize(
    "validation, state", [("Trusted", "valid"), ("Valid", "untrusted"), ("Invalid", "invalid"), (None, "invalid")]
)
def test_credentials_count_for_no_more_than_their_validation_says(validation, state):
    assert summarise(store() | {"validation_state": validation}).state == state


def test_only_what_differs_from_what_was_signed_is_said_to_be_changed():
    """As the library tells of a certificate that has run out, and of a file that was altered."""

    def said(*codes: str) -> str:
        failures = [{"code": code, "explanation": "..."} for code in codes]
        results = {"activeManifest": {"failure": failures}}
        return summarise(store() | {"validation_state": "Invalid", "validation_results": results}).summary

    expired = ("signingCredential.untrusted", "signingCredential.expired")
    assert "changed" not in said(*expired) and "do not hold" in said(*expired)
    assert "it was changed after signing" in said(*expired, "assertion.bmffHash.mismatch")


def test_a_generators_work_that_an_editor_signed_anew_is_still_a_generators():
    edited = store(ingredients=[{"relationship": "inputTo"}, {"relationship": "parentOf", "active_manifest": "b"}])
    edited["manifests"]["b"] = store(GENERATED, ingredients=[{"relationship": "parentOf", "active_manifest": "a"}])[
        "manifests"
    ]["a"]
    found = summarise(edited)
    assert found.ai_generated and "a generator made or altered it" in found.summary
    edited["manifests"]["a"]["ingredients"][1]["relationship"] = "componentOf"
    assert summarise(edited).ai_generated is None


def test_a_manifest_kept_elsewhere_is_not_fetched(plain_clip, signer, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.2)
        builder = c2pa.Builder(manifest(CAPTURED))
        builder.set_no_embed()
        builder.set_remote_url(f"http://127.0.0.1:{server.getsockname()[1]}/manifest.c2pa")
        builder.sign_file(plain_clip, tmp_path / "remote.mp4", signer)
        read_provenance(tmp_path / "remote.mp4")
        with pytest.raises(TimeoutError):
            server.accept()


def test_nobody_is_asked_whether_a_certificate_still_counts(plain_clip, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.2)
        signer = make_signer(f"http://127.0.0.1:{server.getsockname()[1]}/status")
        read_provenance(sign(plain_clip, tmp_path / "signed.mp4", signer, CAPTURED))
        with pytest.raises(TimeoutError):
            server.accept()


@pytest.fixture(scope="module")
def plain_clip(tmp_path_factory):
    path = tmp_path_factory.mktemp("provenance") / "plain.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", 10)
        stream.width = stream.height = 64
        stream.pix_fmt = "yuv420p"
        for i in range(10):
            picture = np.full((64, 64, 3), 20 * i, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())
    return path


@pytest.fixture(scope="module")
def signer():
    return make_signer()


def make_signer(status_url=None):
    """A signer with a certificate of an authority that exists only here; C2PA refuses self-signed ones.

    status_url: where the certificate says that one can ask whether it still counts.
    """
    authority_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    authority = certificate("Test Authority", authority_key, "Test Authority", authority_key, is_authority=True)
    camera = certificate("Test Camera", key, "Test Authority", authority_key, is_authority=False, status_url=status_url)
    chain = b"".join(one.public_bytes(serialization.Encoding.PEM) for one in (camera, authority))
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return c2pa.Signer.from_info(c2pa.C2paSignerInfo("es256", chain, pem, None))


def certificate(subject, key, issuer, issuer_key, is_authority, status_url=None):
    now = datetime.datetime.now(datetime.UTC)
    usage = x509.KeyUsage(not is_authority, False, False, False, False, is_authority, is_authority, False, False)
    builder = (
        x509.CertificateBuilder(name(issuer), name(subject), key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.BasicConstraints(is_authority, None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION]), critical=False)
    )
    if status_url:
        place = x509.AccessDescription(AuthorityInformationAccessOID.OCSP, x509.UniformResourceIdentifier(status_url))
        builder = builder.add_extension(x509.AuthorityInformationAccess([place]), critical=False)
    return builder.sign(issuer_key, hashes.SHA256())


def name(common_name):
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Unmask tests"),
            x509.NameAttribute(NameOID.COMMON_NAME, common_name),
        ]
    )


def manifest(source_type):
    created = {"action": "c2pa.created", "digitalSourceType": source_type}
    return {
        "claim_generator_info": [{"name": "unmask-tests", "version": "1"}],
        "assertions": [{"label": "c2pa.actions.v2", "data": {"actions": [created]}}],
    }


def store(*sources, signature=None, **more):
    """A manifest store as the library tells it, with an action of each of these source types."""
    actions = [{"action": "c2pa.edited", "digitalSourceType": source} for source in sources]
    assertions = [{"label": "c2pa.actions.v2", "data": {"actions": actions}}]
    content = {"signature_info": signature or {}, "assertions": assertions, **more}
    return {"active_manifest": "a", "manifests": {"a": content}, "validation_state": "Valid"}


def fragments(source, path, count):
    """The clip `count` times over, as an MP4 file in fragments."""
    repeat(source, path, count, muxer={"movflags": "frag_keyframe+empty_moov"})
    return path


def sign(source, target, signer, source_type):
    c2pa.Builder(manifest(source_type)).sign_file(source, target, signer)
    return target
