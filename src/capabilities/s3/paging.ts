/** What all of S3's lists share. */
import { invalidArgument } from "./faults.ts";

const PAGE = 1000;

/** Of `encoding-type=url`: keys may hold what XML can not. */
export function encoderOf(type: string | undefined): (text: string) => string {
  if (type === undefined) return (text) => text;
  if (type !== "url")
    throw invalidArgument("Invalid Encoding Method specified in Request", "encoding-type", type);
  return (text) => encodeURIComponent(text).replaceAll("%2F", "/");
}

/** At most 1,000, whatever is asked for. */
export function pageSize(asked: number | undefined, name: string): number {
  if (asked === undefined) return PAGE;
  if (!(Number.isInteger(asked) && asked >= 0))
    throw invalidArgument(
      `Argument ${name} must be an integer between 0 and 2147483647`,
      name,
      String(asked),
    );
  return Math.min(asked, PAGE);
}
