"""The page of verdicts in a real browser: `make test-browser`, not part of `make test`."""

import os
import shutil

import numpy as np
import pytest

import theorylab
from tests.toys import exact_claim, noisy_claim, rate_claim
from theorylab.verify.page import write_page

pytestmark = pytest.mark.browser
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def crash(key, **setting):
    raise ZeroDivisionError("<img src=x onerror='window.hit = 1'>")


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    claims = [
        exact_claim(),
        noisy_claim(),
        rate_claim(),
        exact_claim(predict=lambda **_: np.ones(300), name="wrong.decay"),
        exact_claim(observe=crash, name="wrong.<script>window.hit = 1</script>"),
    ]
    path = tmp_path_factory.mktemp("page") / "report.html"
    write_page(theorylab.check(*claims), path)
    return path


@pytest.fixture(scope="module")
def browser():
    if not CHROMIUM:
        pytest.fail("Chromium is needed, from the system's packages")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(params=["light", "dark"])
def opened(request, browser, path):
    """The page, all it asked for, and all it complained of."""
    page = browser.new_page(color_scheme=request.param, viewport=dict(width=1150, height=900))
    asked, complaints = [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(path.as_uri())
    yield page, asked, complaints
    page.close()


def shown(page):
    return page.locator("article:visible").count()


def test_opens_from_a_file_without_request_or_complaint(opened, path):
    page, asked, complaints = opened
    assert [url for url in asked if not url.startswith("data:")] == [path.as_uri()]
    assert complaints == []
    assert page.evaluate("window.hit") is None
    assert shown(page) == 5
    widths = page.eval_on_selector_all("figure img", "images => images.map(i => i.naturalWidth)")
    assert len(widths) == 4
    assert all(width > 100 for width in widths)


def test_filters_by_word_and_by_status(opened):
    page, _, complaints = opened
    page.get_by_role("searchbox").fill("EULER decay")
    assert shown(page) == 2
    page.get_by_label("refuted").uncheck()
    assert shown(page) == 1
    assert page.locator("output").inner_text() == "1 of 5 shown"
    page.get_by_role("searchbox").fill("nothing of the kind")
    assert shown(page) == 0
    page.get_by_role("searchbox").press("Enter")
    assert complaints == []


def test_is_as_wide_as_a_telephone(opened):
    page, _, _ = opened
    page.set_viewport_size(dict(width=390, height=800))
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_dark_is_dark(opened):
    page, _, _ = opened
    dark = page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches")
    colour = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (colour == "rgb(20, 24, 28)") == dark


def test_a_screenshot(opened, tmp_path):
    """Kept where SCREENSHOTS says."""
    page, _, _ = opened
    folder = os.environ.get("SCREENSHOTS", str(tmp_path))
    name = (
        "dark" if page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches") else "light"
    )
    page.screenshot(path=f"{folder}/report-{name}.png")
