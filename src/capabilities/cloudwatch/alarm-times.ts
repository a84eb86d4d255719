/** Times and numbers as CloudWatch writes them in what it says of alarms. */

/** `2026-11-22T10:00:00.000+0000` */
export const stamp = (at: number) => new Date(at).toISOString().replace("Z", "+0000");

/** `22/11/26 10:00:00` */
export function shortStamp(at: number): string {
  const [date = "", time = ""] = new Date(at).toISOString().split("T");
  const [year = "", month = "", day = ""] = date.split("-");
  return `${day}/${month}/${year.slice(-2)} ${time.slice(0, 8)}`;
}

/** `Friday 22 July, 2022 15:57:45 UTC` */
export function longStamp(at: number): string {
  const parts = new Intl.DateTimeFormat("en-US", {
    timeZone: "UTC",
    weekday: "long",
    day: "2-digit",
    month: "long",
    year: "numeric",
  }).formatToParts(at);
  const part = (type: string) => parts.find((one) => one.type === type)?.value ?? "";
  const time = new Date(at).toISOString().slice(11, 19);
  return `${part("weekday")} ${part("day")} ${part("month")}, ${part("year")} ${time} UTC`;
}

/** As Java prints a double: `5.0`, `0.001`, `1.0E7`. */
export function javaDouble(value: number): string {
  const size = Math.abs(value);
  if (size !== 0 && (size >= 1e7 || size < 1e-3)) {
    const [digits = "", exponent = ""] = value.toExponential().split("e");
    return `${digits.includes(".") ? digits : `${digits}.0`}E${Number(exponent)}`;
  }
  return Number.isInteger(value) ? `${value}.0` : String(value);
}
