// A browser with several tabs, driven line by line: each line of the input is `[ACT, TAB, ARGUMENT]` in JSON, and the
// reply is a line `{ ok }` or `{ error }`. TAB is a number from 0, or null for all tabs at once, which returns a list.
// Usage: node tabs.mjs CHROMIUM
//
//   ["open", TAB, URL]           opens a page; `client` is the client of `playground/client` with its second factors, passkeys and login links
//   ["reload", TAB]              reloads the page
//   ["close", TAB]               closes the tab; those after it move up
//   ["run", TAB, SCRIPT]         returns the settled value of an expression
//   ["press", TAB, KEY]          presses a key: "Tab", "Enter", …
//   ["type", TAB, TEXT]          types text into the focused element
//   ["wait", TAB, SCRIPT]        waits until an expression is true
//   ["look", TAB, [WIDTH, SCHEME]]   sets the width of the window and the preferred scheme, "light" or "dark"
//   ["hide", TAB, BOOLEAN]       tells the page that it is in the background or in front
//   ["clock", TAB, SECONDS]      sets the clock of all tabs wrong by this many seconds
//   ["pass", TAB, SECONDS]       moves time forward in all tabs whose clock was set
//   ["offline", TAB, BOOLEAN]    disconnects or reconnects the network of all tabs
//   ["hold", TAB, OPERATION]     holds back responses to this operation …
//   ["release", TAB]             … and delivers them
//   ["count", TAB, OPERATION]    returns how often the operation was sent
//   ["authenticator", TAB, ATTACHED]   attaches an empty authenticator that verifies its user, in place of the one before,
//                                or with `false` none. Returns the credentials of the one before; a list of them is put in
//   ["touch", TAB, BOOLEAN]      sets whether its user is present, at first true
//   ["verifies", TAB, BOOLEAN]   sets whether the authenticator recognizes its user, at first true
//   ["shot", TAB, PATH]          takes a picture of the page
//   ["axe", TAB]                 returns the serious and critical findings of axe
//   ["complaints", TAB]          returns the browser's errors and warnings
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { build } from 'esbuild';
import { chromium } from 'playwright-core';

const axe = readFileSync(new URL('node_modules/axe-core/axe.min.js', import.meta.url), 'utf8');
const { outputFiles } = await build({
  stdin: {
    contents: ['index', 'second_factors', 'passkeys', 'login_link'].map((name) => `export * from './${name}';`).join(''),
    resolveDir: new URL('../../playground/client', import.meta.url).pathname,
  },
  bundle: true,
  write: false,
  format: 'iife',
  globalName: 'client',
  footer: { js: 'globalThis.client = client;' },
  target: 'es2022',
});

const [executablePath] = process.argv.slice(2);
// not every container supports the sandbox, and only pages of the tests are opened
const browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] });
const context = await browser.newContext({ reducedMotion: 'reduce' });
// a busy machine takes long to open a page
context.setDefaultTimeout(120_000);
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
    // a strict content security policy blocks Playwright's own way of waiting
    for (let tries = 0; tries < 600; tries += 1) {
      // a page that is navigating cannot answer
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
      // a browser stores a cookie when it arrives, without waiting for the page
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
  async authenticator(tab, attached) {
    tab.cdp ??= await context.newCDPSession(tab.page);
    const { cdp, authenticatorId: before } = tab;
    await cdp.send('WebAuthn.enable');
    let credentials = [];
    if (before) {
      ({ credentials } = await cdp.send('WebAuthn.getCredentials', { authenticatorId: before }));
      await cdp.send('WebAuthn.removeVirtualAuthenticator', { authenticatorId: before });
      tab.authenticatorId = undefined;
    }
    if (attached) {
      const options = {
        protocol: 'ctap2', transport: 'internal', hasResidentKey: true, hasUserVerification: true, isUserVerified: true,
        automaticPresenceSimulation: true,
      };
      ({ authenticatorId: tab.authenticatorId } = await cdp.send('WebAuthn.addVirtualAuthenticator', { options }));
      for (const credential of Array.isArray(attached) ? attached : []) {
        await cdp.send('WebAuthn.addCredential', { authenticatorId: tab.authenticatorId, credential });
      }
    }
    return credentials;
  },
  touch: ({ cdp, authenticatorId }, enabled) => cdp.send('WebAuthn.setAutomaticPresenceSimulation', { authenticatorId, enabled }),
  verifies: ({ cdp, authenticatorId }, isUserVerified) => cdp.send('WebAuthn.setUserVerified', { authenticatorId, isUserVerified }),
  async shot({ page }, path) { await page.screenshot({ path, fullPage: true }); },
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
