// The playground when something is missing or broken. Prints the messages as JSON.
// Usage: node playground_faults.mjs CHROMIUM URL SHOTS
//
// URL is a new server in development mode. SHOTS is a folder for screenshots.
import { chromium } from 'playwright-core';

const [executablePath, url, shots] = process.argv.slice(2);
const [QUERY, VARIABLES, RESPONSE] = ['.graphiql-query-editor', '.graphiql-editor-tool', '.graphiql-response'];

// not every container supports the sandbox, and only pages of the tests are opened
const browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] });
const seen = { sent: [] };

async function open(options) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...options });
  // a busy machine takes long to open a page
  context.setDefaultTimeout(120_000);
  await context.grantPermissions(['clipboard-read', 'clipboard-write']);
  const page = await context.newPage();
  page.on('request', (request) => {
    if (/"<\w+>"|\\"<\w+>\\"/.test(request.postData() ?? '')) seen.sent.push(request.postData());
  });
  await page.goto(url);
  await page.locator(`${QUERY} .view-line`).first().waitFor();
  return page;
}

const text = async (page, selector) => (await page.locator(`${selector} .view-line`).allInnerTexts()).join(' ').replaceAll(/\s+/g, ' ');

/** Runs the open operation and returns the response. */
async function run(page, expected = '{') {
  await page.locator(`${QUERY} .view-lines`).click();
  await page.keyboard.press('Control+Enter');
  await page.locator(`${RESPONSE} .view-line`, { hasText: expected }).first().waitFor();
  return text(page, RESPONSE);
}

async function write(page, editor, content) {
  await page.locator(`${editor} .view-lines`).first().click();
  await page.keyboard.press('Control+A');
  await page.evaluate((content) => navigator.clipboard.writeText(content), content);
  await page.keyboard.press('Control+V');
}

const choose = (page, name) => page.locator('.guide button', { has: page.getByText(name, { exact: true }) }).click();

/** Returns the lowest contrast of the text of the selected completion. */
async function contrast(page) {
  await write(page, QUERY, '{ me { emailV');
  const row = page.locator('.suggest-widget .monaco-list-row.focused').first();
  for (let tries = 0; tries < 30 && !(await row.isVisible()); tries++) {
    await page.keyboard.press('Control+Space');
    await page.waitForTimeout(500);
  }
  return row.evaluate((row) => {
    const parse = (colour) => {
      const [r, g, b, a = 1] = colour.match(/[\d.]+/g).map(Number);
      return { rgb: [r, g, b], a };
    };
    const over = (top, under) => top.rgb.map((value, index) => value * top.a + under[index] * (1 - top.a));
    const luminance = (rgb) => {
      const [r, g, b] = rgb.map((value) => value / 255).map((value) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4));
      return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const grounds = [];
    for (let at = row; at; at = at.parentElement) grounds.unshift(parse(getComputedStyle(at).backgroundColor));
    const ground = grounds.reduce((under, top) => over(top, under), [255, 255, 255]);
    const letters = [...row.querySelectorAll('*')].filter((at) => [...at.childNodes].some((child) => child.nodeType === 3 && child.data.trim()));
    return Math.min(...letters.map((at) => {
      const { color, opacity } = getComputedStyle(at);
      const colour = parse(color);
      const [a, b] = [luminance(over({ ...colour, a: colour.a * Number(opacity) }, ground)), luminance(ground)];
      return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    }));
  });
}

try {
  const page = await open({ colorScheme: 'light' });
  await choose(page, 'SessionEvents');
  seen.signedOut = await run(page);

  // missing values, in every place
  await choose(page, 'RevokeSession');
  seen.missing = await run(page);
  await choose(page, 'PostToDashboard');
  seen.variables = [];
  for (const variables of ['{"text": "<code>"}', '{"text": ["a", {"b": "<code>"}]}', '{"text": "<whatever>"}']) {
    await write(page, VARIABLES, variables);
    seen.variables.push(await run(page, 'errors'));
  }
  await write(page, QUERY, 'mutation PostToDashboard { postToDashboard(text: "<code>") { response } }');
  seen.literal = await run(page, 'errors');

  // responses that are not GraphQL
  await choose(page, 'AuthSettings');
  await page.route('**/graphql', (route) => route.abort(), { times: 1 });
  seen.unreachable = await run(page, 'errors');
  await page.route('**/graphql', (route) => route.fulfill({ status: 502, contentType: 'text/html', body: '<h1>Bad Gateway</h1>' }), { times: 1 });
  seen.html = await run(page, '502');

  await choose(page, 'Signup');
  await run(page, 'AuthPayload');
  await choose(page, 'SessionEvents');
  // the last one signs out
  const closes = { going: [1001, ''], broken: [1011, 'oops'], expired: [4403, 'EXPIRED'], ended: [4403, 'REVOKED'] };
  for (const [name, [code, reason]] of Object.entries(closes)) {
    await page.routeWebSocket('**/graphql', (socket) => socket.close({ code, reason }));
    seen[name] = [await run(page), await page.locator('.hint p').innerText()];
  }
  await page.screenshot({ path: `${shots}/closed.png` });

  // no connection at all
  const other = await open();
  await run(other, 'AuthPayload');
  await choose(other, 'SessionEvents');
  await other.evaluate(() => {
    globalThis.WebSocket = class extends WebSocket { constructor(_, protocols) { super('ws://127.0.0.1:9/', protocols); } };
  });
  seen.noSocket = await run(other);

  // a command is not broken at its hyphen
  await choose(page, 'Users');
  await page.locator(`${QUERY} .view-line`, { hasText: 'create-superuser' }).first().waitFor();
  seen.command = await page.locator(`${QUERY} .view-line`).allInnerTexts();
  seen.guide = await page.locator('.guide [aria-current] code').evaluateAll((all) => all.map((at) => at.getClientRects().length));
  await page.screenshot({ path: `${shots}/users.png` });

  seen.contrast = [];
  for (const colorScheme of ['light', 'dark']) {
    const reader = await open({ colorScheme });
    seen.contrast.push(await contrast(reader));
    await reader.screenshot({ path: `${shots}/completion-${colorScheme}.png` });
  }
  console.log(JSON.stringify(seen));
} finally {
  await browser.close();
}
