from __future__ import annotations

import pytest

from runtime.kinds.http.router import build_chain
from tests.support.middleware import answers


@pytest.mark.parametrize(
    ("headers", "client"),
    [
        ([], "127.0.0.1"),
        (["X-Forwarded-For: 8.8.8.8"], "8.8.8.8"),
        (["X-Forwarded-For: 1.1.1.1, 8.8.8.8, 10.0.0.1"], "8.8.8.8"),
        (["X-Forwarded-For: 1.1.1.1", "X-Forwarded-For: 8.8.8.8"], "8.8.8.8"),
        (["X-Forwarded-For: 8.8.8.8, unknown"], "127.0.0.1"),
        (["X-Forwarded-For: 10.0.0.7"], "10.0.0.7"),
        (["X-Forwarded-For: 8.8.8.8", "X-Real-IP: 1.1.1.1"], "8.8.8.8"),
        (["X-Real-IP: 8.8.8.8"], "8.8.8.8"),
        (["True-Client-IP: [2001:db8::1]:443"], "2001:db8::1"),
        (["X-Real-IP: nonsense"], "127.0.0.1"),
    ],
)
def test_real_ip_is_the_last_address_that_no_trusted_proxy_has(
    headers: list[str], client: str
) -> None:
    got = answers(["real_ip"], {}, ("GET", "/x", *headers))

    assert client == got[0].json()["client"]


def test_real_ip_believes_nobody_who_is_not_trusted() -> None:
    options = {"real_ip.trusted.subnets": "10.0.0.0/8"}

    got = answers(["real_ip"], options, ("GET", "/x", "X-Forwarded-For: 8.8.8.8"))

    assert got[0].json()["client"] == "127.0.0.1"


@pytest.mark.parametrize(
    ("headers", "url"),
    [
        ([], "http://test/x"),
        (["X-Forwarded-Proto: https"], "https://test/x"),
        (["X-Forwarded-Proto: HTTPS"], "https://test/x"),
        (["X-Forwarded-Proto: javascript"], "http://test/x"),
        (["X-Forwarded-Host: a.test"], "http://a.test/x"),
        (["X-Forwarded-Host: a.test:8443", "X-Forwarded-Proto: https"], "https://a.test:8443/x"),
        (["X-Forwarded-Host: [2001:db8::1]:81"], "http://[2001:db8::1]:81/x"),
        (["X-Forwarded-Host: a.test/evil?x="], "http://test/x"),
        (["X-Forwarded-Host: evil@a.test"], "http://test/x"),
        (["X-Forwarded-Port: 8080"], "http://test:8080/x"),
        (["X-Forwarded-Port: 443", "X-Forwarded-Proto: https"], "https://test/x"),
        (["X-Forwarded-Port: 80", "X-Forwarded-Host: a.test:81"], "http://a.test:81/x"),
        (["X-Forwarded-Port: " + "9" * 5000], "http://test/x"),
        (["Forwarded: for=8.8.8.8;proto=https;host=a.test"], "https://a.test/x"),
        (['Forwarded: For="[2001:db8::1]:47";Host="a.test:81"'], "http://a.test:81/x"),
    ],
)
def test_the_url_is_the_one_that_the_client_has_asked_the_proxy_for(
    headers: list[str], url: str
) -> None:
    assert url == answers(["real_ip"], {}, ("GET", "/x", *headers))[0].json()["url"]


@pytest.mark.parametrize(
    ("headers", "url"),
    [
        # The nearest proxy is 127.0.0.1, the one before it 10.0.0.1; what precedes is forged.
        (["For: 8.8.8.8, 10.0.0.1", "Proto: https, http"], "https://test/x"),
        (["For: 8.8.8.8, 10.0.0.1", "Proto: https"], "https://test/x"),
        (["For: 9.9.9.9, 8.8.8.8, 10.0.0.1", "Proto: https, http, http"], "http://test/x"),
        (["For: 9.9.9.9, 8.8.8.8", "Proto: https, http", "Host: evil, good"], "http://good/x"),
    ],
)
def test_of_several_proxies_the_one_next_to_the_client_is_believed(
    headers: list[str], url: str
) -> None:
    named = [f"X-Forwarded-{header}" for header in headers]

    assert url == answers(["real_ip"], {}, ("GET", "/x", *named))[0].json()["url"]


def test_what_others_say_of_scheme_and_host_is_not_believed() -> None:
    headers = ("X-Forwarded-Proto: https", "X-Forwarded-Host: evil", "Forwarded: host=evil")
    options = {"real_ip.trusted.subnets": "10.0.0.0/8"}

    assert answers(["real_ip"], options, ("GET", "/x", *headers))[0].json() == {
        "client": "127.0.0.1",
        "url": "http://test/x",
    }


@pytest.mark.parametrize(
    ("forwarded", "client"),
    [
        ("for=8.8.8.8", "8.8.8.8"),
        ('for=1.1.1.1, For="8.8.8.8:4711";proto=http, for=10.0.0.1', "8.8.8.8"),
        ('for="[2001:db8::1]"', "2001:db8::1"),
        (r'for="8.8.\8.8"', "8.8.8.8"),
        ("for=1.1.1.1, for=unknown", "127.0.0.1"),
        ("for=1.1.1.1, for=_hidden, for=10.0.0.1", "10.0.0.1"),
        ("for=1.1.1.1, =;, for=10.0.0.1", "10.0.0.1"),
        ('for="1.1.1.1', "127.0.0.1"),
        ('for="a,for=1.1.1.1"', "127.0.0.1"),
        ("", "127.0.0.1"),
        ("for=" + '"\\' * 20_000, "127.0.0.1"),
    ],
    ids=range(11),
)
def test_forwarded_is_read_as_its_rfc_says(forwarded: str, client: str) -> None:
    got = answers(["real_ip"], {}, ("GET", "/x", f"Forwarded: {forwarded}"))

    assert client == got[0].json()["client"]


@pytest.mark.parametrize("header", ["X-Forwarded-For: 8.8.8.8", "X-Real-IP: 8.8.8.8"])
def test_forwarded_does_not_count_beside_the_header_that_the_proxy_writes(header: str) -> None:
    forged = "Forwarded: for=1.1.1.1;proto=https;host=evil"

    got = answers(["real_ip"], {}, ("GET", "/x", header, forged))[0].json()

    assert got == {"client": "8.8.8.8", "url": "http://test/x"}


@pytest.mark.parametrize(
    ("address", "client"),
    [
        ("fe80::1%eth0", "fe80::1%eth0"),
        ("fe80::1%eth0 forged=1", "127.0.0.1"),
        ("fe80::1%", "127.0.0.1"),
        ("fe80::1%" + "z" * 1000, "127.0.0.1"),
        ("8.8.8.8%eth0", "127.0.0.1"),
    ],
)
def test_what_follows_the_percent_sign_of_an_address_is_the_name_of_a_zone(
    address: str, client: str
) -> None:
    got = answers(["real_ip"], {}, ("GET", "/x", f"X-Real-IP: {address}"))

    assert client == got[0].json()["client"]


def test_real_ip_says_whom_it_believes_unless_it_was_told() -> None:
    silent = build_chain(["real_ip"], {"trusted_subnets": "10.0.0.0/8"}).notices
    (told,) = build_chain(["real_ip"], {}).notices

    assert silent == []
    assert "everybody in 127.0.0.0/8, 10.0.0.0/8" in told
    assert told.endswith("name the networks of your proxies in 'real_ip.trusted.subnets'")
