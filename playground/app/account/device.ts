const BROWSERS = [/\b(Edg)(?:e|A|iOS)?\//, /\b(OPR)\//, /\b(Firefox|FxiOS)\//, /\b(Chrome|Chromium|CriOS|HeadlessChrome)\//, /\b(Safari)\//];
const SYSTEMS = [/\b(iPhone|iPad)\b/, /\b(Android)\b/, /\b(Windows)\b/, /\b(Mac)(?: OS|intosh)/, /\b(CrOS)\b/, /\b(Linux)\b/];
const NAMES: Record<string, string> = {
  Edg: 'Edge', OPR: 'Opera', FxiOS: 'Firefox', CriOS: 'Chrome', HeadlessChrome: 'Chrome', CrOS: 'ChromeOS', Mac: 'macOS',
};

/** Returns a readable name for the device of a `User-Agent`. */
export function deviceOf(userAgent: string | null): string {
  const find = (patterns: RegExp[]) => {
    const found = patterns.map((pattern) => pattern.exec(userAgent ?? '')?.[1]).find(Boolean);
    return found && (NAMES[found] ?? found);
  };
  const [browser, system] = [find(BROWSERS), find(SYSTEMS)];
  if (browser && system) return `${browser} on ${system}`;
  return browser ?? system ?? (userAgent?.slice(0, 40) || 'An unknown device');
}
