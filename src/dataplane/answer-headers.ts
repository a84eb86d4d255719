/** What of a container's answer headers a client gets to see. */

const PASSED = [
  "content-type",
  "x-amzn-sagemaker-custom-attributes",
  "x-amzn-sagemaker-new-session-id",
  "x-amzn-sagemaker-closed-session-id",
] as const;

/** As long as AWS lets the longest of them be. */
const MAX_LENGTH = 1024;
const VISIBLE = /^[\x20-\x7e]*$/;

/** The headers that the container contract lets through; one that could not be sent on as it is, is left out. */
export function answerHeaders(
  untrusted: Readonly<Record<string, string | string[] | undefined>>,
): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const name of PASSED) {
    const value = untrusted[name];
    const one = Array.isArray(value) ? value[0] : value;
    if (one !== undefined && one.length <= MAX_LENGTH && VISIBLE.test(one)) headers[name] = one;
  }
  return headers;
}
