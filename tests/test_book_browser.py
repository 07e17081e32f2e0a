"""The book as a reader's browser shows it: Chromium, from the disk, with no other host.

The book is built from the results in git and the notebooks without outputs, but for one whose
outputs are made here, since a test does not run the pipeline.
"""

import json
import shutil
from base64 import b64encode
from dataclasses import asdict, replace
from importlib.resources import files
from math import log

import nbformat
import pytest
import torch

from companion import notebooks
from companion.book.__main__ import build
from companion.lessons.olm import toy
from companion.runs.sources import ROOT
from olmlib import olm_equations as eq
from olmlib.olm import OLM
from olmlib.olm_presets import PRESETS

CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
pytestmark = pytest.mark.skipif(
    not (CHROMIUM and DRIVER),
    reason="no Chromium with its driver (Debian: apt-get install chromium chromium-driver)",
)
PHONE = {"width": 390, "height": 844, "deviceScaleFactor": 1, "mobile": True}
# A page of every kind: the slow question is asked of these.
KINDS = "book/index book/explorer book/gallery book/notation notebooks/00_tour".split()
FACTS = """
const done = arguments[0];
(window.MathJax ? MathJax.startup.promise : Promise.resolve()).then(() => done({
  equations: document.querySelectorAll(".math").length,
  typeset: [...document.querySelectorAll(".math")].filter(
    (m) => m.querySelector("mjx-container svg")).length,
  errors: document.querySelectorAll("[data-mjx-error], mjx-merror").length,
  pictures: [...document.images].map(
    (p) => [p.src, p.naturalWidth, p.getBoundingClientRect().width, p.alt]),
  text: document.querySelector("article").innerText.length,
}));
"""
WIDE = "return [document.documentElement.scrollWidth, window.innerWidth]"
AXE = """
const done = arguments[0];
axe.run({ resultTypes: ["violations"] }).then((found) => done(found.violations.map(
  (v) => [v.impact, v.id, v.nodes.slice(0, 3).map((n) => n.html.slice(0, 200)).join("  ")])));
"""


@pytest.fixture(scope="module")
def html(tmp_path_factory):
    """The book; its tour has a picture, a table and a sound, as an executed one has."""
    out = tmp_path_factory.mktemp("book")
    page = notebooks.read(ROOT / "notebooks/00_tour.ipynb")
    picture = b64encode((ROOT / "results/mini/tour.png").read_bytes()).decode()
    shown = [
        {"image/png": picture, "text/plain": "Figure"},
        {"text/html": "<table><tr><th>a</th></tr><tr><td>1</td></tr></table>", "text/plain": "a"},
        {"text/html": '<audio controls src="data:audio/wav;base64,"></audio>', "text/plain": "s"},
    ]
    cells = [cell for cell in page.cells if cell.cell_type == "code"]
    for cell, data in zip(cells[-len(shown) :], shown, strict=True):
        cell.outputs = [nbformat.v4.new_output("display_data", data=data)]
    notebooks.write(out / "executed/00_tour.ipynb", page)
    build(ROOT, out, "mini", out / "executed")
    return out / "html"


@pytest.fixture(scope="module")
def browser():
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for word in ("headless=new", "no-sandbox", "disable-dev-shm-usage", "window-size=1280,900"):
        options.add_argument(f"--{word}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(DRIVER))
    driver.set_script_timeout(120)
    yield driver
    driver.quit()


def requests(browser):
    """Return the addresses that were asked for since the last question."""
    messages = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    sent = [m["params"] for m in messages if m["method"] == "Network.requestWillBeSent"]
    return {params["request"]["url"] for params in sent}


@pytest.fixture(scope="module")
def visits(html, browser):
    """Page -> what a reader with a wide and one with a narrow window meets there."""
    found = {}
    for path in sorted(html.rglob("*.html")):
        name = str(path.relative_to(html).with_suffix(""))
        if name in ("index", "search"):
            continue
        browser.get(path.as_uri())
        facts = browser.execute_async_script(FACTS)
        facts["asked"] = requests(browser)
        facts["console"] = [
            e["message"] for e in browser.get_log("browser") if e["level"] == "SEVERE"
        ]
        browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", PHONE)
        facts["wide"], facts["window"] = browser.execute_script(WIDE)
        browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
        found[name] = facts
    return found


def test_every_page_loads_without_errors_and_asks_nobody_else(visits):
    assert {"book/index", "book/gallery", "book/explorer", "notebooks/33_fig6"} <= visits.keys()
    for name, facts in visits.items():
        assert facts["text"] > 100, name
        assert not facts["console"], (name, facts["console"])
        assert facts["asked"], name
        outside = [url for url in facts["asked"] if not url.startswith(("file:", "data:"))]
        assert not outside, (name, outside)


def test_every_figure_is_visible_and_has_words_for_who_cannot_see_it(visits):
    assert len(visits["book/gallery"]["pictures"]) > 20
    for name, facts in visits.items():
        for source, pixels, width, words in facts["pictures"]:
            assert pixels > 0 and width > 20, (name, source[:100])
            assert words and not words.endswith(".png"), (name, source[:100])


def test_equations_are_typeset(visits):
    assert visits["notebooks/02_olm"]["equations"] > 10
    for name, facts in visits.items():
        assert facts["typeset"] == facts["equations"] and not facts["errors"], (name, facts)


def test_a_phone_does_not_scroll_sideways(visits):
    wide = {
        name: facts["wide"] for name, facts in visits.items() if facts["wide"] > facts["window"]
    }
    assert not wide


def test_sounds_have_a_player(html, browser):
    browser.get((html / "notebooks/00_tour.html").as_uri())
    assert browser.execute_script("return document.querySelector('audio').controls")


def test_the_first_page_is_where_a_reader_opens_the_book(html, browser):
    from selenium.webdriver.support.ui import WebDriverWait

    browser.get((html / "index.html").as_uri())
    WebDriverWait(browser, 10).until(lambda b: b.current_url.endswith("book/index.html"))


def test_search_finds_rebalancing(html, browser):
    from selenium.webdriver.common.by import By
    from selenium.webdriver.support.ui import WebDriverWait

    browser.get((html / "search.html").as_uri() + "?q=rebalancing")
    # Pages are listed one after the other; at the end the summary says how many were found.
    WebDriverWait(browser, 20).until(
        lambda b: "finished" in b.find_element(By.CSS_SELECTOR, "#search-results p").text
    )
    links = browser.find_elements(By.CSS_SELECTOR, "#search-results li a")
    found = {link.get_attribute("href") for link in links}
    assert any("notation.html" in link for link in found), found
    assert any("02_olm.html" in link for link in found), found


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_nothing_serious_stands_in_the_way_of_who_cannot_see_or_point(html, browser, theme):
    axe = (files("axe_core_python") / "axe.min.js").read_text(encoding="utf-8")
    faults = []
    for name in KINDS if theme == "light" else KINDS[:2]:
        browser.get((html / f"{name}.html").as_uri())
        browser.execute_script(f"document.body.dataset.theme = '{theme}'")
        browser.execute_script(axe)
        found = browser.execute_async_script(AXE)
        faults += [(name, *fault) for fault in found if fault[0] in ("serious", "critical")]
    assert not faults, "\n".join(map(str, faults))


def test_the_keyboard_reaches_content_and_moves_a_slider(html, browser):
    from selenium.webdriver import ActionChains
    from selenium.webdriver.common.keys import Keys
    from selenium.webdriver.support.ui import WebDriverWait

    browser.get((html / "book/explorer.html").as_uri())
    ActionChains(browser).send_keys(Keys.TAB).perform()
    focused = browser.switch_to.active_element
    assert focused.get_attribute("href").endswith("#furo-main-content"), focused.tag_name
    WebDriverWait(browser, 10).until(lambda b: focused.is_displayed())
    slider = browser.execute_script("return document.getElementById('explorer-G-visual')")
    words = "return document.querySelector('[data-preset=stable]').innerText"
    before, value = browser.execute_script(words), float(slider.get_attribute("value"))
    slider.send_keys(Keys.ARROW_RIGHT)
    assert float(slider.get_attribute("value")) == pytest.approx(value + 0.01)
    assert browser.execute_script(words) != before
    assert slider.get_attribute("aria-valuetext").endswith("nats")


def explored(config, G, C, norms, updates):
    """Return what olmlib makes of the numbers of the explorer's sliders."""
    start = torch.full((3,), log(6), dtype=torch.float64)
    dev = start - torch.tensor(G, dtype=torch.float64)
    train = dev - torch.tensor(C, dtype=torch.float64)
    olm = OLM(["audio", "visual", "fused"], **asdict(config))
    measured = eq.rates(start, start, train, dev, config.signed_rates)
    lam = eq.factors(config.factors, *measured, start, train)
    if config.rule == "uniform":
        lam = torch.full_like(lam, 1 / 3)
    n = torch.tensor(norms, dtype=torch.float64)
    n = eq.bounded_norms(n) if config.reference == "warmup" else n
    for _ in range(updates):
        olm.solve(n, lam)
    return lam.tolist(), olm.w.tolist()


GRID = [
    (G, C, norms, updates)
    for G in ([0.6, 0.35, 0.7], [0.0, 0.0, 0.0], [0.9, 0.01, 0.3])
    for C in ([0.5, 0.12, 0.4], [0.0, 0.85, 0.2])
    for norms in ([10, 4, 7], [0.5, 20, 3.3])
    for updates in (1, 20)
] + [([0.6, 0.35, 0.7], [0.5, 0.12, 0.4], [10, 4, 7], 200)]


def test_the_explorer_computes_what_olmlib_computes(html, browser):
    browser.get((html / "book/explorer.html").as_uri())
    presets = {name: asdict(preset) for name, preset in PRESETS.items()}
    data = "return JSON.parse(document.getElementById('explorer-data').textContent).presets"
    assert browser.execute_script(data) == json.loads(json.dumps(presets))
    script = "return arguments[0].map(([G, C, n, u]) => OLM.held(arguments[1], G, C, n, u))"
    for name, preset in PRESETS.items():
        shown = browser.execute_script(script, GRID, presets[name])
        for case, there in zip(GRID, shown, strict=True):
            lam, w = explored(preset, *case)
            assert there["lam"] == pytest.approx(lam, rel=1e-9, abs=1e-12), (name, case)
            assert there["w"] == pytest.approx(w, rel=1e-6, abs=1e-9), (name, case)


def test_the_explorers_loop_is_that_of_notebook_03(html, browser):
    browser.get((html / "book/explorer.html").as_uri())
    heads = [asdict(head) for head in toy.HEADS.values()]
    script = "return OLM.simulate(arguments[0], arguments[1], 250)"
    loops = PRESETS | {"current": replace(PRESETS["stable"], reference="current")}
    for name, preset in loops.items():
        shown = browser.execute_script(script, asdict(preset), heads)
        table = toy.simulate(OLM(toy.HEADS, **asdict(preset)), steps=250)
        for step in (0, 49, 50, 51, 120, 249):
            lines = table[table["step"] == step]
            for mine, theirs in (("w", "w"), ("lam", "lam"), ("size", "size")):
                wanted = lines[theirs].tolist()
                assert shown[step][mine] == pytest.approx(wanted, rel=1e-6, abs=1e-9), (name, step)
