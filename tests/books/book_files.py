"""Books as files, whole and broken, and a cover."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import av
import numpy as np

CONTAINER = '<container xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles>{}</rootfiles></container>'
ROOT = '<rootfile full-path="OEBPS/book.opf" media-type="application/oebps-package+xml"/>'
MANIFEST = """
<item id="nav" href="nav.xhtml" media-type="application/xhtml+xml" properties="nav"/>
<item id="one" href="text/one.xhtml" media-type="application/xhtml+xml"/>
<item id="more" href="text/one%20more.xhtml" media-type="application/xhtml+xml"/>
<item id="two" href="text/two.xhtml" media-type="application/xhtml+xml"/>
<item id="cover" href="cover.png" media-type="image/png" properties="cover-image"/>
"""
SPINE = '<spine><itemref idref="nav"/><itemref idref="one"/><itemref idref="more"/><itemref idref="two"/></spine>'
PACKAGE = """<package xmlns="http://www.idpf.org/2007/opf" xmlns:dc="http://purl.org/dc/elements/1.1/" version="3.0">
<metadata><dc:title>The Tide</dc:title><dc:creator>Ann Example</dc:creator><dc:language>en-GB</dc:language></metadata>
<manifest>{manifest}</manifest>{spine}</package>"""
NAV = """<html xmlns="http://www.w3.org/1999/xhtml" xmlns:epub="http://www.idpf.org/2007/ops"><body>
<nav epub:type="toc"><ol><li><a href="text/one.xhtml">First: out</a></li>
<li><a href="text/two.xhtml#a">Second: in</a></li></ol></nav></body></html>"""


def png() -> bytes:
    """A grey picture of 64 by 64."""
    made = io.BytesIO()
    with av.open(made, "w", format="image2pipe") as target:
        stream = target.add_stream("png", rate=1)
        stream.width = stream.height = 64
        stream.pix_fmt = "rgb24"
        target.mux(stream.encode(av.VideoFrame.from_ndarray(np.full((64, 64, 3), 99, np.uint8), format="rgb24")))
        target.mux(stream.encode(None))
    return made.getvalue()


def epub(file: Path, **changed: bytes | None) -> Path:
    """A book of two chapters in three pages; `changed` replaces its files by name, None leaves one out."""
    files: dict[str, bytes | None] = {
        "mimetype": b"application/epub+zip",
        "META-INF/container.xml": CONTAINER.format(ROOT).encode(),
        "OEBPS/book.opf": PACKAGE.format(manifest=MANIFEST, spine=SPINE).encode(),
        "OEBPS/nav.xhtml": NAV.encode(),
        "OEBPS/text/one.xhtml": b"<html><body><h1>Out</h1><p>The tide was <i>out</i>.</p></body></html>",
        "OEBPS/text/one more.xhtml": b"<html><body><p>Nobody said a word.</p></body></html>",
        "OEBPS/text/two.xhtml": b"<html><body><h1 id='a'>In</h1><p>The water came back.</p></body></html>",
        "OEBPS/cover.png": png(),
        **changed,
    }
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as target:
        for name, content in files.items():
            if content is not None:
                target.writestr(name, content)
    return file
