// A browser with several tabs, driven line by line: each line of the input is `[ACT, TAB, ARGUMENT]` in JSON, and is answered
// by a line `{ ok }` or `{ error }`. TAB is a number from 0, or null for all tabs at once, whose results come as a list.
// Usage: node tabs.mjs CHROMIUM
//
//   ["open", TAB, URL]           a page; the client of `playground/client` is there as `client`
//   ["reload", TAB]              the same page anew
//   ["close", TAB]               the tab is gone, and those after it move up
//   ["run", TAB, SCRIPT]         the value of an expression, once it is settled
//   ["press", TAB, KEY]          a key: "Tab", "Enter", …
//   ["type", TAB, TEXT]          text, into whatever has the focus
//   ["wait", TAB, SCRIPT]        until an expression is true
//   ["look", TAB, [WIDTH, SCHEME]]   how wide the window is, and whether "light" or "dark" is preferred
//   ["hide", TAB, BOOLEAN]       whether the tab is in the background, as far as its page knows
//   ["clock", TAB, SECONDS]      how far the clock is off, for all tabs
//   ["pass", TAB, SECONDS]       time flies, in all tabs whose clock was set
//   ["offline", TAB, BOOLEAN]    the network goes, or comes back; all tabs have the same
//   ["hold", TAB, OPERATION]     answers to such an operation are kept back …
//   ["release", TAB]             … until now
//   ["count", TAB, OPERATION]    how often it was sent
//   ["axe", TAB]                 what axe finds serious or critical
//   ["complaints", TAB]          what the browser complained of
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { build } from 'esbuild';
import { chromium } from 'playwright-core';

const axe = readFileSync(new URL('node_modules/axe-core/axe.min.js', import.meta.url), 'utf8');
const { outputFiles } = await build({
  entryPoints: [new URL('../../playground/client/index.ts', import.meta.url).pathname],
  bundle: true,
  write: false,
  format: 'iife',
  globalName: 'client',
  footer: { js: 'globalThis.client = client;' },
  target: 'es2022',
});

const [executablePath] = process.argv.slice(2);
// the sandbox cannot be had in every container; nothing but our own pages is opened
const browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] });
const context = await browser.newContext({ reducedMotion: 'reduce' });
await context.addInitScript(outputFiles[0].text);
const tabs = [];

async function tabAt(index) {
  if (tabs[index]) return tabs[index];
  const page = await context.newPage();
  const tab = { page, complaints: [], operations: [], held: '', release: () => {} };
  page.on('console', (message) => { if (message.type() === 'error') tab.complaints.push(message.text()); });
  page.on('pageerror', (error) => tab.complaints.push(String(error)));
  page.on('request', (request) => {
    const operation = /"query":"\w+ (\w+)/.exec(request.postData() ?? '')?.[1];
    if (operation) tab.operations.push(operation);
  });
  tabs[index] = tab;
  return tab;
}

const acts = {
  open: ({ page }, url) => page.goto(url).then(() => null),
  reload: ({ page }) => page.reload().then(() => null),
  async close(tab) {
    await tab.page.close();
    tabs.splice(tabs.indexOf(tab), 1);
  },
  run: ({ page }, script) => page.evaluate(script),
  press: ({ page }, key) => page.keyboard.press(key),
  type: ({ page }, text) => page.keyboard.type(text),
  async wait({ page }, script) {
    // Playwright's own way of waiting is refused by a strict content security policy
    for (let tries = 0; tries < 600; tries += 1) {
      // a page that is on its way to another has no answer
      if (await page.evaluate(script).catch(() => false)) return;
      await new Promise((wake) => { setTimeout(wake, 50); });
    }
    throw new Error(`not within 30 seconds; the page reads: ${await page.evaluate('document.body.innerText')}`);
  },
  async look({ page }, [width, colorScheme]) {
    await page.setViewportSize({ width, height: 800 });
    await page.emulateMedia({ colorScheme });
  },
  hide: ({ page }, hidden) => page.evaluate((is) => {
    Object.defineProperty(document, 'hidden', { configurable: true, value: is });
    document.dispatchEvent(new Event('visibilitychange'));
  }, hidden),
  clock: ({ page }, seconds) => page.clock.install({ time: Date.now() + seconds * 1000 }),
  pass: ({ page }, seconds) => page.clock.fastForward(seconds * 1000),
  offline: (_, is) => context.setOffline(is),
  async hold(tab, operation) {
    const released = new Promise((release) => { tab.release = release; });
    await tab.page.route('**/graphql', async (route) => {
      if (!route.request().postData()?.includes(`"query":"mutation ${operation}(`)) return route.fallback();
      const response = await route.fetch();
      await released;
      // a browser takes a cookie as it arrives, and does not wait for its page
      const { 'set-cookie': _, ...headers } = response.headers();
      // the page may have given up
      return route.fulfill({ response, headers }).catch(() => {});
    });
  },
  async release(tab) {
    tab.release();
    await tab.page.unrouteAll({ behavior: 'wait' });
  },
  count: ({ operations }, operation) => operations.filter((sent) => sent === operation).length,
  async axe({ page }) {
    await page.evaluate(axe);
    const { violations } = await page.evaluate('axe.run()');
    return violations
      .filter(({ impact }) => ['serious', 'critical'].includes(impact))
      .map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`);
  },
  complaints: ({ complaints }) => complaints,
};

for await (const line of createInterface({ input: process.stdin })) {
  const [act, index, argument] = JSON.parse(line);
  const chosen = index === null ? [...tabs] : [await tabAt(index)];
  const results = Promise.all(chosen.map((tab) => acts[act](tab, argument)));
  const answer = await results.then(
    (values) => ({ ok: (index === null ? values : values[0]) ?? null }),
    (error) => ({ error: String(error) }),
  );
  console.log(JSON.stringify(answer));
}
await browser.close();
