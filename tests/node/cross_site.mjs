// Tests in a browser what pages of other sites can do with the cookie of a signed-in user.
// Prints `{ app, attempts, cookie }`: what the app's own page could do, the result of each attempt by each page, and
// whether the cookie is unchanged afterwards.
// Usage: node cross_site.mjs CHROMIUM PORT-OF-GATEHOUSE PORT-FOR-PAGES
//
// The server is accounts.site.example. The app is app.site.example, on the same site. evil.site.example is on that site
// too, and evil.example is not. The last page has an allowed origin but is on another site.
import { createServer } from 'node:http';
import { chromium } from 'playwright-core';

const [executablePath, port, pagesPort] = process.argv.slice(2);
if (!pagesPort) {
  console.error('usage: node cross_site.mjs CHROMIUM PORT-OF-GATEHOUSE PORT-FOR-PAGES');
  process.exit(2);
}
const api = `http://accounts.site.example:${port}/graphql`;
const page = (host) => `http://${host}:${pagesPort}/`;
const app = page('app.site.example');
const others = ['evil.site.example', 'evil.example', 'allowed.example'].map(page);

const pages = createServer((request, response) => {
  response.setHeader('content-type', 'text/html');
  response.end('<!doctype html><title>a page</title>');
});
await new Promise((resolve) => pages.listen(Number(pagesPort), '127.0.0.1', resolve));

const browser = await chromium.launch({
  executablePath,
  args: ['--no-sandbox', '--host-resolver-rules=MAP *.example 127.0.0.1'],
});
try {
  const context = await browser.newContext();
  // a busy machine takes long to open a page
  context.setDefaultTimeout(120_000);
  const cookie = async () => JSON.stringify(await context.cookies(api));

  const own = await context.newPage();
  await own.goto(app);
  const call = (query, headers = {}) => own.evaluate(async ([url, body, more]) => {
    const response = await fetch(url, {
      method: 'POST',
      credentials: 'include',
      headers: { 'content-type': 'application/json', ...more },
      body,
    });
    return (await response.json()).data;
  }, [api, JSON.stringify({ query }), headers]);
  const PAYLOAD = '... on AuthPayload { accessToken refreshToken session { id } } ... on UserError { code }';
  const signup = `mutation { signup(input: { email: "ada@example.org", password: "correct horse battery" }) { ${PAYLOAD} } }`;
  const { signup: signedUp } = await call(signup, { 'x-token-delivery': 'cookie' });
  const refresh = `mutation { refresh { ${PAYLOAD} } }`;
  const { refresh: refreshed } = await call(refresh);
  // scripts of the app cannot read the cookie
  const scripts = await own.evaluate(() => document.cookie);

  const before = await cookie();
  const logout = 'mutation { logout { endedSessionIds } }';
  const steal = `mutation { login(input: { identifier: "mallory@example.org", password: "correct horse battery" }) { ${PAYLOAD} } }`;
  const attempts = [];
  for (const other of others) {
    const evil = await context.newPage();
    const attempt = async (name, act) => {
      await evil.goto(other);
      attempts.push([new URL(other).hostname, name, await act()]);
    };
    for (const [what, query] of Object.entries({ refresh, logout, steal })) {
      const body = JSON.stringify({ query });
      const fetched = (name, url, init) => attempt(`${what} by fetch, ${name}`, () => evil.evaluate(async ([to, how]) => {
        try {
          const response = await fetch(to, { credentials: 'include', ...how });
          const text = await response.text();
          return text.includes('"accessToken":"') || text.includes('endedSessionIds":["') ? text : 'nothing';
        } catch {
          return 'nothing';
        }
      }, [url, init]));
      const json = { 'content-type': 'application/json' };
      const asks = { ...json, 'x-token-delivery': 'cookie' };
      await fetched('cors', api, { method: 'POST', mode: 'cors', headers: asks, body });
      await fetched('cors without the header', api, { method: 'POST', mode: 'cors', headers: json, body });
      await fetched('cors as text', api, { method: 'POST', mode: 'cors', headers: { 'content-type': 'text/plain' }, body });
      await fetched('no-cors', api, { method: 'POST', mode: 'no-cors', headers: json, body });
      await fetched('same-origin', api, { method: 'POST', mode: 'same-origin', headers: json, body });
      await fetched('GET', `${api}?query=${encodeURIComponent(query)}`, {});
      await fetched('GET, no-cors', `${api}?query=${encodeURIComponent(query)}`, { mode: 'no-cors' });
      await attempt(`${what} by beacon`, () => evil.evaluate(([to, text]) => {
        navigator.sendBeacon(to, new Blob([text], { type: 'text/plain' }));
        return 'nothing';
      }, [api, body]));
      const navigated = async (go) => {
        const [response] = await Promise.all([evil.waitForNavigation(), go()]);
        const text = await response.text();
        return text.includes('"accessToken":"') || text.includes('endedSessionIds":["') ? text : 'nothing';
      };
      for (const enctype of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data']) {
        await attempt(`${what} by form, ${enctype}`, () => navigated(() => evil.evaluate(([action, type, text]) => {
          const form = Object.assign(document.createElement('form'), { method: 'post', action, enctype: type });
          const input = document.createElement('input');
          // in a text/plain form, `name=value` can be JSON
          [input.name, input.value] = [`${text.slice(0, -1)},"x":"`, '"}'];
          form.append(input);
          document.body.append(form);
          form.submit();
        }, [api, enctype, body])));
      }
      await attempt(`${what} by link`, () => navigated(() => evil.evaluate((to) => {
        location.href = to;
      }, `${api}?query=${encodeURIComponent(query)}`)));
    }
    await attempt('a WebSocket', () => evil.evaluate((to) => new Promise((resolve) => {
      const socket = new WebSocket(to, 'graphql-transport-ws');
      socket.onopen = () => socket.send('{"type":"connection_init"}');
      socket.onmessage = ({ data }) => resolve(data);
      socket.onclose = ({ code, reason }) => resolve(`closed: ${code} ${reason}`);
    }), api.replace('http:', 'ws:')));
    await evil.close();
  }
  const after = await cookie();
  const socket = await own.evaluate((to) => new Promise((resolve) => {
    const opened = new WebSocket(to, 'graphql-transport-ws');
    opened.onopen = () => opened.send('{"type":"connection_init"}');
    opened.onclose = ({ code, reason }) => resolve(`closed: ${code} ${reason}`);
  }), api.replace('http:', 'ws:'));
  const { refresh: last } = await call(refresh);
  const { logout: ended } = await call(logout);
  const left = await context.cookies(api);
  console.log(JSON.stringify({
    app: { signedUp, refreshed, scripts, socket, last, ended, left: left.length },
    attempts,
    cookie: { isThere: before.includes('"httpOnly":true,"secure":false,"sameSite":"Strict"'), isSame: before === after },
  }));
} finally {
  await browser.close();
  pages.close();
}
