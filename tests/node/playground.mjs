// A newcomer with a browser that can reach only this machine. Prints the results as JSON.
// Usage: node playground.mjs CHROMIUM URL SHOTS
//
// URL is a new server in development mode. SHOTS is a folder for screenshots.
import { readFileSync } from 'node:fs';
import { chromium } from 'playwright-core';

const [executablePath, url, shots] = process.argv.slice(2);
const axe = readFileSync(new URL(import.meta.resolve('axe-core/axe.min.js')), 'utf8');
const [QUERY, VARIABLES, RESPONSE] = ['.graphiql-query-editor', '.graphiql-editor-tool', '.graphiql-response'];
const NAME = '<img src=x onerror="document.title=\'run\'">';

// not every container supports the sandbox, and only pages of the tests are opened
const browser = await chromium.launch({
  executablePath,
  args: ['--no-sandbox', '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1'],
});
const seen = { elsewhere: [], complaints: [], faults: [], titles: [] };

async function open(options) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...options });
  // a busy machine takes long to open a page
  context.setDefaultTimeout(120_000);
  await context.grantPermissions(['clipboard-read', 'clipboard-write']);
  context.on('request', (request) => {
    if (!/^(data|blob):/.test(request.url()) && new URL(request.url()).origin !== url) seen.elsewhere.push(request.url());
  });
  const page = await context.newPage();
  watch(page);
  await page.goto(url);
  await page.locator(`${QUERY} .view-line`).first().waitFor();
  return page;
}

function watch(page) {
  page.on('console', (message) => { if (message.type() === 'error') seen.complaints.push(message.text()); });
  page.on('pageerror', (error) => seen.complaints.push(String(error)));
}

/** Returns the lines of an editor that are in view. */
const text = async (page, selector) => (await page.locator(`${selector} .view-line`).allInnerTexts()).join(' ').replaceAll(/\s+/g, ' ');

async function run(page, expected) {
  await page.locator(`${QUERY} .view-lines`).click();
  await page.keyboard.press('Control+Enter');
  await page.locator(`${RESPONSE} .view-line`, { hasText: expected }).first().waitFor();
  return text(page, RESPONSE);
}

/** Replaces the text of an editor by pasting, because the editor completes text that is typed. */
async function write(page, editor, text) {
  await page.locator(`${editor} .view-lines`).first().click();
  await page.keyboard.press('Control+A');
  await page.evaluate((text) => navigator.clipboard.writeText(text), text);
  await page.keyboard.press('Control+V');
}

/** Proves who the user is, as a refusal asks for. The last step is left to be run. */
async function prove(page) {
  await page.locator('.hint button', { hasText: 'StartReauthentication' }).click();
  await run(page, '"Reauthentication"');
  await page.locator('.hint button', { hasText: 'Reauthenticate' }).click();
}

async function judge(page, name) {
  await page.screenshot({ path: `${shots}/${name}.png` });
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => axe.run());
  const grave = violations.filter(({ impact }) => ['serious', 'critical'].includes(impact));
  for (const { id, nodes } of grave) seen.faults.push(`${name}: ${id} at ${nodes[0].target.join(' ')}`);
}

try {
  const page = await open({ colorScheme: 'light' });
  seen.tabs = await page.locator('.graphiql-tab-button').allInnerTexts();
  // a name that looks like HTML, shown everywhere
  const input = { email: 'ada@example.org', password: 'correct horse battery', name: NAME };
  await write(page, VARIABLES, JSON.stringify({ input }));
  seen.signup = await run(page, 'AuthPayload');
  seen.header = await page.locator('.viewer code').innerText();
  await page.locator('.count', { hasText: '1' }).waitFor();
  await judge(page, 'playground-light');

  const [mailbox] = await Promise.all([page.context().waitForEvent('page'), page.locator('.mailbox').click()]);
  watch(mailbox);
  seen.code = await mailbox.locator('.secret code').innerText();
  await judge(mailbox, 'mailbox-light');

  await page.bringToFront();
  seen.unread = await page.locator('.count').innerText();
  await page.locator('.hint button', { hasText: 'VerifyOtp' }).click();
  await page.locator(`${VARIABLES} .view-line`, { hasText: seen.code }).first().waitFor();
  seen.verified = await run(page, 'AuthPayload');
  await page.locator('.hint button', { hasText: 'Me' }).click();
  seen.me = await run(page, 'emailVerified');

  // a refusal that asks for a proof, which otherwise takes minutes to get, leads to the proof and back
  const refusal = { __typename: 'UserError', code: 'REAUTHENTICATION_REQUIRED', message: 'Prove it.', fields: [], retryAfter: null };
  await page.route('**/graphql', (route) => route.fulfill({ json: { data: { updateProfile: refusal } } }), { times: 1 });
  await page.locator('.guide button', { hasText: 'UpdateProfile' }).click();
  await run(page, 'REAUTHENTICATION_REQUIRED');
  await prove(page);
  seen.proven = await run(page, 'Reauthenticated');
  await page.locator('.hint button', { hasText: 'UpdateProfile' }).click();
  seen.afterProof = await run(page, 'connexion');

  // the emailed code lets a factor be enrolled; from then on, the factor is the proof
  await page.locator('.guide button', { hasText: 'StartTotpEnrolment' }).click();
  await run(page, 'TotpEnrolment');
  await page.locator('.hint img').waitFor();
  await judge(page, 'playground-enrolment');
  await page.locator('.hint button', { hasText: 'FinishTotpEnrolment' }).click();
  seen.enrolled = await run(page, 'SecondFactorsEnabled');
  await page.locator('.guide button', { hasText: 'RegenerateRecoveryCodes' }).click();
  await run(page, 'REAUTHENTICATION_REQUIRED');
  await prove(page);
  seen.provenByFactor = await run(page, 'TOTP');
  await page.locator('.hint button', { hasText: 'RegenerateRecoveryCodes' }).click();
  await run(page, 'SecondFactorsEnabled');

  // a recovery code signs in as well, and is filled in where its placeholder is written
  await page.locator('.guide button', { hasText: 'Login' }).first().click();
  await run(page, 'SecondFactorChallenge');
  await page.locator('.hint button', { hasText: 'VerifySecondFactor' }).click();
  const challengeId = /"id": "([-\w]+)"/.exec(await text(page, VARIABLES))[1];
  await write(page, VARIABLES, JSON.stringify({ id: challengeId, proof: { recoveryCode: '<recoveryCode>' } }));
  seen.recovered = await run(page, 'AuthPayload');
  await page.locator('.guide button', { hasText: 'RemoveTotp' }).click();
  seen.removed = await run(page, 'secondFactors');

  // mails address users by name
  await page.locator('.guide button', { hasText: 'RequestPasswordReset' }).click();
  await run(page, 'EmailChallenge');
  await mailbox.bringToFront();
  await mailbox.locator('#list a', { hasText: 'password' }).click();
  await mailbox.getByRole('heading', { name: 'password' }).waitFor();
  seen.mail = await mailbox.frameLocator('iframe').locator('body').innerText();
  await mailbox.locator('#tab-text').click();
  seen.mailText = await mailbox.locator('#view pre').innerText();
  seen.titles.push(await mailbox.title());
  await page.bringToFront();

  // completion knows the schema once the editor has loaded it
  await write(page, QUERY, '{ me { emailV');
  const suggestion = page.locator('.suggest-widget .monaco-list-row', { hasText: 'emailVerified' }).first();
  for (let tries = 0; tries < 30 && !(await suggestion.isVisible()); tries++) {
    await page.keyboard.press('Control+Space');
    await page.waitForTimeout(500);
  }
  seen.completion = await suggestion.innerText();
  await page.keyboard.press('Escape');
  // so do the descriptions of fields, which the editor sanitizes
  await write(page, QUERY, '{ me { emailVerified } }');
  const hover = page.locator('.monaco-hover:visible', { hasText: 'is verified' }).first();
  for (let tries = 0; tries < 30 && !(await hover.isVisible()); tries++) {
    await page.mouse.move(0, 0);
    await page.locator(`${QUERY} .view-line span`, { hasText: 'emailVerified' }).last().hover();
    await page.waitForTimeout(1000);
  }
  seen.hover = await hover.innerText();
  await write(page, QUERY, `query Me { ${'authSettings { otpLength } '.repeat(6)}}`);
  await run(page, 'LIMIT_EXCEEDED');
  seen.limit = await page.locator('.hint').innerText();

  await page.getByRole('button', { name: 'Sign out' }).click();
  await page.getByText('Not signed in').waitFor();
  await page.locator('.guide button', { hasText: 'Dashboard' }).first().click();
  await run(page, 'UNAUTHENTICATED');
  seen.unauthenticated = await page.locator('.hint').innerText();
  seen.titles.push(await page.title());

  // by keyboard alone: the tab strip is one tab stop, and the arrow keys move along it
  await page.locator('.graphiql-tab-active .graphiql-tab-button').focus();
  await page.keyboard.press('Home');
  await page.keyboard.press('ArrowRight');
  seen.byKeyboard = await page.evaluate(() => document.activeElement.innerText);

  const phone = await open({ colorScheme: 'dark', viewport: { width: 360, height: 740 } });
  seen.width = await phone.evaluate(() => document.documentElement.scrollWidth);
  await judge(phone, 'playground-phone-dark');
  const dark = await open({ colorScheme: 'dark' });
  await judge(dark, 'playground-dark');
  await dark.goto(`${url}/mailbox`);
  await dark.locator('.secret').waitFor();
  await judge(dark, 'mailbox-dark');
  console.log(JSON.stringify(seen));
} finally {
  await browser.close();
}
