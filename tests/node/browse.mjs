// A user at a browser. Takes the steps of a visit and prints what was seen as JSON: `{ reads, requests, complaints }`.
// Usage: node browse.mjs CHROMIUM STEPS
//
// STEPS is JSON, a list of
//   ["open", URL]          opens a page in the same tab
//   ["fragment", HASH]     follows a link to another fragment of the open page, and reloads it
//   ["press", KEY]         presses a key: "Tab", "Enter", …
//   ["type", TEXT]         types text into the focused element
//   ["click", NAME]        clicks the button with this name, once it exists
//   ["await", TEXT]        waits until the page shows this text
//   ["offline", BOOLEAN]   disconnects or reconnects the network
//   ["run", SCRIPT]        adds the settled value of an expression to `reads`
//   ["read"]               adds what the page shows to `reads`, once no request is pending
import { chromium } from 'playwright-core';

const [executablePath, steps] = process.argv.slice(2);
if (!steps) {
  console.error('usage: node browse.mjs CHROMIUM STEPS');
  process.exit(2);
}

// not every container supports the sandbox, and only pages of the tests are opened
const browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] });
try {
  const page = await browser.newPage();
  // a busy machine takes long to open a page
  page.setDefaultTimeout(120_000);
  const [reads, requests, complaints] = [[], [], []];
  page.on('request', (request) => requests.push(request));
  page.on('console', (message) => { if (message.type() === 'error') complaints.push(message.text()); });
  page.on('pageerror', (error) => complaints.push(String(error)));
  const acts = {
    open: async (url) => {
      // otherwise a link to another fragment of the same page would not reload it
      await page.goto('about:blank');
      await page.goto(url);
    },
    fragment: (hash) => Promise.all([
      page.waitForEvent('load'),
      page.evaluate((to) => { location.hash = to; }, hash),
    ]),
    press: (key) => page.keyboard.press(key),
    type: (text) => page.keyboard.type(text),
    click: (name) => page.getByRole('button', { name }).click(),
    await: (text) => page.getByText(text).waitFor(),
    offline: (is) => page.context().setOffline(is),
    run: async (script) => { reads.push(await page.evaluate(script)); },
    read: async () => {
      await page.waitForFunction(() => !document.querySelector('[aria-disabled]'));
      reads.push(await page.evaluate(() => {
        const text = (selector) => {
          const shown = [...document.querySelectorAll(selector)].filter((element) => element.checkVisibility());
          return shown.map((element) => element.innerText.trim()).join(' ') || null;
        };
        return {
          url: location.href,
          title: text('h1'),
          notice: text('#notice'),
          fault: text('.fault'),
          hint: text('#hint'),
          button: text('button'),
          app: text('.app'),
          focus: document.activeElement.id || document.activeElement.tagName,
        };
      }));
    },
  };
  for (const [act, argument] of JSON.parse(steps)) {
    await acts[act](argument);
  }
  const sent = await Promise.all(requests.map(async (request) => {
    const { referer = null } = await request.allHeaders();
    return [request.method(), request.url(), referer];
  }));
  console.log(JSON.stringify({ reads, requests: sent, complaints }));
} finally {
  await browser.close();
}
