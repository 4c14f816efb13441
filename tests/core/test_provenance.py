"""Content Credentials, read from clips signed with a certificate made here."""

import datetime
import socket

import av
import c2pa
import numpy as np
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from benchmarks.clips import repeat
from core.pieces import Pieces
from core.provenance import read_provenance

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


@pytest.mark.parametrize("kind", ["signed", "plain", "fragments"])
def test_a_file_that_comes_in_pieces_is_said_the_same_of(kind, plain_clip, signer, tmp_path):
    path = plain_clip
    if kind == "signed":
        path = sign(plain_clip, tmp_path / "signed.mp4", signer, CAPTURED)
    if kind == "fragments":
        path = tmp_path / "fragments.mp4"
        repeat(plain_clip, path, 3, muxer={"movflags": "frag_keyframe+empty_moov"})
    whole = read_provenance(path)
    assert whole.state == {"signed": "untrusted"}.get(kind, "none")
    with Pieces(path, path.stat().st_size, 100, lambda number: None) as pieces:
        assert read_provenance(pieces) == whole


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
    """A signer with a certificate of an authority that exists only here; C2PA refuses self-signed ones."""
    authority_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    authority = certificate("Test Authority", authority_key, "Test Authority", authority_key, is_authority=True)
    camera = certificate("Test Camera", key, "Test Authority", authority_key, is_authority=False)
    chain = b"".join(one.public_bytes(serialization.Encoding.PEM) for one in (camera, authority))
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return c2pa.Signer.from_info(c2pa.C2paSignerInfo("es256", chain, pem, None))


def certificate(subject, key, issuer, issuer_key, is_authority):
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


def sign(source, target, signer, source_type):
    c2pa.Builder(manifest(source_type)).sign_file(source, target, signer)
    return target
