/** How much may wait for a model: two settings of its Environment. */

interface Setting {
  readonly usual: number;
  readonly least: number;
  readonly most: number;
}

const SETTINGS = {
  /** Requests that an instance may hold, answered or waiting: what bounds the memory of their bodies. */
  TIDEWAY_MAX_OUTSTANDING: { usual: 256, least: 1, most: 10_000 },
  /** Milliseconds that a request may have to wait for others, as fast as the model is: clients often give up at 1 s. */
  TIDEWAY_MAX_WAIT_MS: { usual: 900, least: 1, most: 60_000 },
} as const satisfies Record<string, Setting>;

type Name = keyof typeof SETTINGS;

/** The value that a model's Environment sets, or the usual one. */
export function queueSetting(environment: Readonly<Record<string, string>>, name: Name): number {
  const text = environment[name];
  return text === undefined ? SETTINGS[name].usual : Number(text);
}

/** What is wrong with a setting, as a sentence. */
export function queueSettingProblem(environment: Readonly<Record<string, string>>): string | undefined {
  for (const [name, { least, most }] of Object.entries(SETTINGS)) {
    const text = environment[name];
    if (text === undefined || (/^\d{1,9}$/.test(text) && Number(text) >= least && Number(text) <= most))
      continue;
    return `Environment: ${name} must be a whole number from ${least} to ${most}, not "${text.slice(0, 100)}".`;
  }
  return undefined;
}
