/** An archive breaks a rule; the message is a sentence that names the entry and the rule, for a FailureReason. */
export class InvalidArchive extends Error {
  override readonly name = "InvalidArchive";
}

/** An entry's name as a message may show it: quoted, without control characters, not endless. */
export function quoteName(name: string): string {
  return JSON.stringify(name.length > 100 ? `${name.slice(0, 100)}...` : name);
}
