"""The HTML page in a real browser: a headless Chromium.

Skipped where there is none, unless TALLYSTICK_BROWSER=required.
"""

import importlib.util
import os
import shutil

import pytest

from tallystick import Report, Verdict
from tallystick.catalogue import find
from tallystick.page import page
from tallystick.page.figures import drawn
from tallystick.report import Refusal

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
NAMES = (
    "relu2.kernel",
    "hermite.mehler",
    "dual.erf",
    "relu1.init_bound",
    "arccos.taylor",
)
SWITCHES = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--window-size=1200,900",
)
TEXT = "return getComputedStyle(document.body).{}"


def tools():
    """The browser and its driver, or what is missing."""
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    driver = shutil.which("chromedriver")
    named = {"selenium": importlib.util.find_spec("selenium")}
    named |= {"chromium": browser, "chromedriver": driver}
    return browser, driver, [name for name, value in named.items() if not value]


def needed(what):
    """Skip, or fail where a browser is required."""
    if os.environ.get("TALLYSTICK_BROWSER") == "required":
        pytest.fail(f"TALLYSTICK_BROWSER=required, but there is no {what}")
    pytest.skip(f"no {what}")


def reports(entries):
    verdicts = [Verdict.AGREE, Verdict.DISAGREE, Verdict.INCONCLUSIVE]
    for number, entry in enumerate(entries):
        wrong = [(c.name, "control") for c in entry.claim.controls]
        wrong += [(e.name, "erratum") for e in entry.claim.errata]
        yield Report(
            name=entry.name,
            experiment="experiment(x)",
            relation=entry.claim.relation.name,
            verdict=verdicts[number % 3],
            tolerance=0.01,
            detectable=[0.02, 1e-9, 0.003, 0.1, float("nan")][number],
            points=32,
            draws=[900, 80, 10000, 7, 1][number],
            seconds=1.5,
            replay=f"tallystick check {entry.name}",
            refusals=tuple(Refusal(n, k, Verdict.DISAGREE) for n, k in wrong),
        )


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    entries = find(NAMES).entries
    pictures = dict(drawn([e for e in entries if e.name == "hermite.mehler"]))
    assert "<svg" in pictures["hermite.mehler"]
    path = tmp_path_factory.mktemp("page") / "report.html"
    path.write_text(page(reports(entries), entries, figures=pictures), "utf-8")
    return path.as_uri()


@pytest.fixture(scope="module")
def session(tmp_path_factory):
    browser, driver, missing = tools()
    if missing or not browser or not driver:
        needed(missing[0])
        return
    from selenium import webdriver
    from selenium.webdriver.chrome.options import Options
    from selenium.webdriver.chrome.service import Service

    options = Options()
    options.binary_location = browser
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    for switch in SWITCHES:
        options.add_argument(switch)
    options.add_argument(f"--user-data-dir={tmp_path_factory.mktemp('profile')}")
    started = webdriver.Chrome(options=options, service=Service(driver))
    yield started
    started.quit()


@pytest.fixture
def chrome(session, address):
    """The page, newly loaded; it must not have written to the console at the end."""
    session.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "", "features": []})
    session.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    session.get("about:blank")  # A change of the fragment alone would not load it anew.
    session.get(address)
    yield session
    assert session.get_log("browser") == []


def all_of(chrome, selector):
    from selenium.webdriver.common.by import By

    return chrome.find_elements(By.CSS_SELECTOR, selector)


def one(chrome, selector):
    return all_of(chrome, selector)[0]


def shown(chrome):
    """Ids in the rows of the table that are seen, from the top."""
    rows = all_of(chrome, "#claims-table tbody tr")
    return [row.get_attribute("data-of") for row in rows if row.is_displayed()]


def emulate(chrome, width, **media):
    chrome.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": width, "height": 844, "deviceScaleFactor": 1, "mobile": False},
    )
    features = [{"name": n.replace("_", "-"), "value": v} for n, v in media.items()]
    chrome.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})


def test_search_and_verdict_choose_rows_and_sections(chrome):
    assert sorted(shown(chrome)) == sorted(NAMES)
    search = one(chrome, "#search")
    search.send_keys("cho saul")  # A source, which the table does not show.
    assert shown(chrome) == ["relu2.kernel"]
    assert one(chrome, "#shown").text == "1 of 5"
    sections = [s for s in all_of(chrome, "details.claim") if s.is_displayed()]
    assert len(sections) == 1
    search.clear()
    search.send_keys("KERNEL")
    assert "relu2.kernel" in shown(chrome)
    search.clear()
    search.send_keys("nothing has this")
    assert shown(chrome) == []
    search.clear()
    one(chrome, "#only").send_keys("DISAGREE")
    assert shown(chrome) == ["hermite.mehler", "arccos.taylor"]
    assert one(chrome, "#shown").text == "2 of 5"


def test_columns_are_sorted_by_click_and_by_key(chrome):
    from selenium.webdriver.common.keys import Keys

    def buttons(kind):
        return one(chrome, f"thead .{kind} button")

    def states():
        heads = all_of(chrome, "#claims-table thead th")
        return [h.get_attribute("aria-sort") for h in heads]

    assert set(states()) == {None}
    buttons("draws").click()
    # By number: 10,000 is the last one.
    assert shown(chrome) == [NAMES[k] for k in (4, 3, 1, 0, 2)]
    buttons("draws").send_keys(Keys.ENTER)
    assert shown(chrome) == [NAMES[k] for k in (2, 0, 1, 3, 4)]
    assert states().count("descending") == 1
    buttons("detectable").send_keys(Keys.SPACE)
    assert shown(chrome) == [NAMES[k] for k in (4, 1, 2, 0, 3)]
    assert states()[4] == "ascending"
    assert states().count(None) == len(states()) - 1
    buttons("id").click()
    assert shown(chrome) == sorted(NAMES)


def test_everything_is_reached_with_the_tabulator(chrome):
    from selenium.webdriver.common.keys import Keys

    reached = []
    for _ in range(40):
        chrome.switch_to.active_element.send_keys(Keys.TAB)
        found = chrome.switch_to.active_element
        label = found.get_attribute("id") or found.get_attribute("class") or found.text
        reached.append(label or found.tag_name)
        if found.tag_name == "summary":
            break
    assert reached[0] == "skip"
    assert {"search", "only", "sort", "scroll", "unfold"} <= set(reached)
    width = "return getComputedStyle(document.activeElement).outlineStyle"
    assert chrome.execute_script(width) == "solid"
    chrome.switch_to.active_element.send_keys(Keys.ENTER)
    assert one(chrome, "details.claim").get_attribute("open")


def test_a_link_opens_its_section(chrome, address):
    chrome.get("about:blank")
    chrome.get(f"{address}#dual.erf")
    opened = [d.get_attribute("id") for d in all_of(chrome, "details[open]")]
    assert opened == ["dual.erf"]
    top = chrome.execute_script(
        "return document.getElementById('dual.erf').getBoundingClientRect().top"
    )
    assert -5 <= top <= 844
    # Also one that the search has hidden.
    one(chrome, "#search").send_keys("dual.erf")
    one(chrome, '#errata a[href="#arccos.taylor"]').click()
    section = chrome.find_element("id", "arccos.taylor")
    assert section.get_attribute("open")
    assert section.is_displayed()


def test_mathematics_and_figures_are_seen(chrome):
    one(chrome, "#unfold").click()
    assert all(d.get_attribute("open") for d in all_of(chrome, "details.claim"))
    sizes = chrome.execute_script(
        "return [...document.querySelectorAll('math')].map((m) => {"
        "m.scrollIntoView(); const box = m.getBoundingClientRect();"
        "return [box.width, box.height, m.namespaceURI]; })"
    )
    assert len(sizes) > 20
    for width, height, space in sizes:
        assert width > 3
        assert height > 5
        assert space == "http://www.w3.org/1998/Math/MathML"
    # A fraction is higher than its numerator: it is set, and not run on.
    ratio = chrome.execute_script(
        "const f = document.querySelector('details mfrac');"
        "return f.getBoundingClientRect().height"
        " / f.firstElementChild.getBoundingClientRect().height"
    )
    assert ratio > 1.6
    pictures = all_of(chrome, "figure svg")
    assert len(pictures) == 4  # One claim, and three of the verdict.
    for picture in pictures:
        chrome.execute_script("arguments[0].scrollIntoView()", picture)
        assert picture.is_displayed()
        assert picture.size["width"] > 200
        assert picture.size["height"] > 100


@pytest.mark.parametrize("width", [320, 390, 820, 1400])
def test_the_page_is_not_wider_than_the_screen(chrome, width):
    emulate(chrome, width)
    one(chrome, "#unfold").click()
    wide = chrome.execute_script("return document.documentElement.scrollWidth")
    assert wide <= width
    # Only boxes that scroll by themselves may hold something wider.
    loose = chrome.execute_script(
        "return [...document.querySelectorAll('main *')].filter((e) =>"
        " !e.closest('.scroll, .statement, svg') &&"
        " e.getBoundingClientRect().right > innerWidth + 1).map((e) => e.outerHTML)"
    )
    assert loose == []


def test_light_and_dark(chrome):
    def look():
        return [
            chrome.execute_script(TEXT.format(n)) for n in ("color", "backgroundColor")
        ]

    emulate(chrome, 1200, prefers_color_scheme="light")
    light = look()
    emulate(chrome, 1200, prefers_color_scheme="dark")
    dark = look()
    assert light[1] == "rgb(255, 255, 255)"
    brightness = [sum(map(int, c[4:-1].split(", "))) for c in (*light, *dark)]
    assert brightness[0] < 200 < 600 < brightness[1]
    assert brightness[3] < 200 < 600 < brightness[2]
    ink = chrome.execute_script(
        "return getComputedStyle(document.querySelector('figure.plot svg')).color"
    )
    assert ink == dark[0]


def test_print_shows_every_section_and_no_controls(chrome):
    chrome.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    inside = all_of(chrome, "details.claim > .inside")
    assert len(inside) == len(NAMES)
    assert all(part.size["height"] > 100 for part in inside)
    assert not any(e.is_displayed() for e in all_of(chrome, "#filter, #unfold, nav"))
    paper = chrome.execute_cdp_cmd("Page.printToPDF", {})["data"]
    assert len(paper) > 50_000
    assert not all_of(chrome, "details[open]")  # As before.


def test_without_a_script_all_is_there(chrome):
    chrome.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        chrome.refresh()
        assert sorted(shown(chrome)) == sorted(NAMES)
        assert not any(e.is_displayed() for e in all_of(chrome, "#filter, #unfold"))
        one(chrome, "details.claim summary").click()
        assert one(chrome, "details.claim .inside dl").is_displayed()
    finally:
        chrome.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})
