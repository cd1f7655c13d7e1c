"""A ComfyUI server and its page, for the tests of a module; tests of other hosts have fixtures of their own."""

import pytest
from browser import page_of
from comfyui import Server


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with Server(tmp_path_factory.mktemp("comfyui")) as server:
        yield server
        assert server.tracebacks() == []


@pytest.fixture(scope="module", params=[False, True], ids=["classic", "nodes 2.0"])
def page(request, server):
    with page_of(server, request.param) as page:
        yield page
        assert page.ours == []
