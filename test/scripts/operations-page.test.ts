import * as runtime from "@aws-sdk/client-sagemaker-runtime";
import * as sagemaker from "@aws-sdk/client-sagemaker";
import { expect, test } from "vitest";
import { mounted, operationsPage } from "../../scripts/operations-page.ts";

const inAws = (sdk: object) =>
  Object.keys(sdk)
    .filter((name) => name.endsWith("Command") && name !== "$Command")
    .map((name) => name.replace(/Command$/, ""))
    .sort();
const page = operationsPage({
  sagemaker: { inAws: inAws(sagemaker), built: ["DescribeEndpoint", "CreateModel", "AddTags"] },
  "sagemaker-runtime": { inAws: inAws(runtime), built: ["InvokeEndpoint"] },
});

test("the page counts what is built against what AWS has", () => {
  expect(page).toMatch(/^\| \[sagemaker\]\(#sagemaker\) \| 3 \| 4\d\d \|$/m);
  expect(page).toMatch(/^\| \[sagemaker-runtime\]\(#sagemaker-runtime\) \| 1 \| 3 \|$/m);
});

test("each operation is in one list only, built or missing", () => {
  expect(page).toContain("**Built** (1): `InvokeEndpoint`");
  expect(page).toContain("**Missing** (2): `InvokeEndpointAsync`, `InvokeEndpointWithResponseStream`");
  expect(page).toMatch(
    /### Real-time endpoints \(2 of 14\)\n\n\*\*Built\*\* \(2\): `CreateModel`, `DescribeEndpoint`/,
  );
  for (const name of ["CreateModel", "DeleteEndpoint", "CreateDomain", "CreateTransformJob"])
    expect(page.split(`\`${name}\``)).toHaveLength(2);
});

test("a handler that AWS has no operation for is a mistake", () => {
  expect(() => operationsPage({ x: { inAws: inAws(runtime), built: ["Invoke"] } })).toThrow(
    "x has no operation Invoke",
  );
});

test("what the server mounts can be told without a server", async () => {
  const text = operationsPage(await mounted());
  for (const name of ["CreateEndpoint", "InvokeEndpoint", "PutObject", "AssumeRole", "GetRole"])
    expect(text).toMatch(new RegExp(`\\*\\*Built\\*\\*.*\`${name}\``));
});
