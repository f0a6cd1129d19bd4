"""Watches a published clip in the system's chromium, as a fan does: plays it, seeks, looks at the poster.

    watch.py VIDEO_URL POSTER_URL

Prints one JSON object: what the browser saw, and how the server answered it.
"""
import json, sys
from playwright.sync_api import sync_playwright

PAGE = '<!doctype html><video muted playsinline preload="metadata"></video><img>'
WATCH = """
async ([video, poster]) => {
    const film = document.querySelector('video'), picture = document.querySelector('img');
    const once = (element, name, then) => new Promise((resolve, reject) => {
        const late = setTimeout(() => reject(new Error(`no ${name} within 15 s`)), 15000);
        element.addEventListener(name, () => { clearTimeout(late); resolve(); }, { once: true });
        element.addEventListener('error', () => reject(new Error(`${element.error?.message ?? 'error'} before ${name}`)));
        then();
    });
    const seen = {};
    await once(film, 'loadedmetadata', () => { film.src = video; });
    Object.assign(seen, { width: film.videoWidth, height: film.videoHeight, seconds: film.duration });
    await once(film, 'timeupdate', () => film.play());
    while (film.currentTime < 0.5) await new Promise(resolve => setTimeout(resolve, 20));
    film.pause();
    seen.frames = film.getVideoPlaybackQuality().totalVideoFrames;
    seen.seeks = [];
    for (const part of [0.9, 0.1, 0.5]) {
        const target = film.duration * part;
        await once(film, 'seeked', () => { film.currentTime = target; });
        seen.seeks.push({ target, reached: film.currentTime, hasPicture: film.readyState >= 2 });
    }
    await once(film, 'ended', () => { film.currentTime = film.duration - 0.5; film.play(); });
    seen.ended = film.ended;
    await once(picture, 'load', () => { picture.src = poster; });
    Object.assign(seen, { posterWidth: picture.naturalWidth, posterHeight: picture.naturalHeight });
    return seen;
}
"""


def main():
    video, poster = sys.argv[1:]
    answers = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path="/usr/bin/chromium", args=["--no-sandbox", "--autoplay-policy=no-user-gesture-required"])
        try:
            page = browser.new_page()
            page.on("response", lambda answer: answers.append(
                {"status": answer.status, "asked": answer.request.headers.get("range"), "isVideo": answer.url == video}))
            page.set_content(PAGE)
            seen = page.evaluate(WATCH, [video, poster])
        finally:
            browser.close()
    print(json.dumps({**seen, "answers": answers}))


if __name__ == "__main__":
    main()
