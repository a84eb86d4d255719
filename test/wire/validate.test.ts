import * as runtime from "@aws-sdk/client-sagemaker-runtime";
import * as sagemaker from "@aws-sdk/client-sagemaker";
import { NormalizedSchema } from "@smithy/core/schema";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { integer, list, text } from "../../src/wire/constraint.ts";
import { Fault } from "../../src/wire/http.ts";
import { RUNTIME_RULES, sagemakerRules } from "../../src/wire/rules.ts";
import { validate } from "../../src/wire/validate.ts";

const RULES = sagemakerRules(sagemaker);
const NAME = "[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}";

/** What is told of an input, or nothing. */
function told(schema: unknown, input: unknown, rules = RULES): string | undefined {
  try {
    validate(NormalizedSchema.of(schema as never), input, rules, "ValidationException");
    return undefined;
  } catch (error) {
    expect(error).toBeInstanceOf(Fault);
    return `${(error as Fault).name}: ${(error as Fault).message}`;
  }
}

const endpoint = (name: unknown) => told(sagemaker.DescribeEndpointInput$, { EndpointName: name });

describe("AWS's wording", () => {
  test.each([
    [
      "x_y",
      `1 validation error detected: Value 'x_y' at 'endpointName' failed to satisfy constraint: Member must satisfy regular expression pattern: ${NAME}`,
    ],
    [
      undefined,
      "1 validation error detected: Value null at 'endpointName' failed to satisfy constraint: Member must not be null",
    ],
    [
      "a".repeat(64),
      `2 validation errors detected: Value '${"a".repeat(64)}' at 'endpointName' failed to satisfy constraint: Member must have length less than or equal to 63; Value '${"a".repeat(64)}' at 'endpointName' failed to satisfy constraint: Member must satisfy regular expression pattern: ${NAME}`,
    ],
  ])("an endpoint named %s", (name, message) => {
    expect(endpoint(name)).toBe(`ValidationException: ${message}`);
  });

  test.each(["a", "a--b", "A1", "a".repeat(63)])("the name %s is fine", (name) =>
    expect(endpoint(name)).toBeUndefined(),
  );
  test.each(["-a", "a-", "", "ä", "a\0", "a\n", "%2e%2e", "a b", "__proto__"])("the name %j is not", (name) =>
    expect(endpoint(name)).toContain("'endpointName'"),
  );

  test("numbers, lists, maps, enums, and where they stand", () => {
    expect(told(sagemaker.ListModelsInput$, { MaxResults: 101 })).toContain(
      "Value '101' at 'maxResults' failed to satisfy constraint: Member must have value less than or equal to 100",
    );
    expect(
      told(sagemaker.ListTagsInput$, {
        ResourceArn: "arn:aws:sagemaker:us-east-1:000000000000:model/a",
        MaxResults: 49,
      }),
    ).toContain("greater than or equal to 50");
    const variant = { VariantName: "v", ModelName: "m", InstanceType: "ml.t3.medium" };
    const config = {
      EndpointConfigName: "c",
      ProductionVariants: [{ ...variant, InstanceType: "ml.m5.large" }, variant],
    };
    expect(told(sagemaker.CreateEndpointConfigInput$, config)).toMatch(
      /^ValidationException: 1 validation error detected: Value 'ml\.t3\.medium' at 'productionVariants\.2\.member\.instanceType' failed to satisfy constraint: Member must satisfy enum value set: \[ml\./,
    );
    expect(
      told(sagemaker.CreateEndpointConfigInput$, {
        ...config,
        ProductionVariants: Array(11).fill(config.ProductionVariants[0]),
      }),
    ).toContain(
      "at 'productionVariants' failed to satisfy constraint: Member must have length less than or equal to 10",
    );
    expect(
      told(sagemaker.DeleteTagsInput$, {
        ResourceArn: "arn:aws:sagemaker:us-east-1:000000000000:model/a",
        TagKeys: ["ok", ""],
      }),
    ).toContain(
      "Value '[ok, ]' at 'tagKeys' failed to satisfy constraint: Member must satisfy constraint: [Member must have length less than or equal to 128, Member must have length greater than or equal to 1, Member must satisfy",
    );
    const model = { ModelName: "m", PrimaryContainer: { Environment: { "not ok": "x" } } };
    expect(told(sagemaker.CreateModelInput$, model)).toContain(
      "Value '{not ok=x}' at 'primaryContainer.environment' failed to satisfy constraint: Map keys must satisfy constraint: [Member must have length less than or equal to 1024,",
    );
  });

  test("the same member of two structures has its own rule", () => {
    expect(
      told(sagemaker.CreateModelInput$, {
        ModelName: "m",
        InferenceExecutionConfig: { Mode: "SingleModel" },
      }),
    ).toContain("[Direct, Serial]");
    expect(
      told(sagemaker.CreateModelInput$, { ModelName: "m", PrimaryContainer: { Mode: "SingleModel" } }),
    ).toBeUndefined();
  });
});

describe("types", () => {
  test.each([
    [{ ModelName: 5 }, "'modelName': NUMBER_VALUE can not be converted to a String"],
    [{ ModelName: ["a"] }, "'modelName': START_ARRAY can not be converted to a String"],
    [
      { ModelName: "m", EnableNetworkIsolation: "yes" },
      "'enableNetworkIsolation': STRING_VALUE can not be converted to a Boolean",
    ],
    [{ ModelName: "m", Tags: "x" }, "'tags': STRING_VALUE can not be converted to a List"],
    [
      { ModelName: "m", PrimaryContainer: "x" },
      "'primaryContainer': STRING_VALUE can not be converted to a Structure",
    ],
    [
      { ModelName: "m", PrimaryContainer: { Environment: { A: 1 } } },
      "'primaryContainer.environment.A.member': NUMBER_VALUE can not be converted to a String",
    ],
    [{ ModelName: "\ud800" }, "'modelName': The text holds half of a surrogate pair"],
  ])("%j", (input, message) => {
    expect(told(sagemaker.CreateModelInput$, input)).toBe(`SerializationException: ${message}`);
  });

  test("numbers are finite, and whole where they count", () => {
    for (const MaxResults of [1.5, Infinity, NaN])
      expect(told(sagemaker.ListModelsInput$, { MaxResults })).toContain(
        "SerializationException: 'maxResults'",
      );
  });

  test("null inside a list is missing", () => {
    expect(told(sagemaker.CreateModelInput$, { ModelName: "m", Containers: [null] })).toContain(
      "Value null at 'containers.1.member'",
    );
  });
});

describe("headers of the runtime", () => {
  const invoke = (input: object) =>
    told(
      runtime.InvokeEndpointInput$,
      { EndpointName: "e", Body: new Uint8Array(), ...input },
      RUNTIME_RULES,
    );
  test("fine ones", () => {
    expect(
      invoke({
        SessionId: "NEW_SESSION",
        InferenceId: "a b~",
        CustomAttributes: "x".repeat(1024),
        TargetModel: "/m.tar.gz",
      }),
    ).toBeUndefined();
  });
  test.each([
    { CustomAttributes: "x".repeat(1025) },
    { CustomAttributes: "ü" },
    { InferenceId: "" },
    { InferenceId: " a" },
    { InferenceId: "a\u0001" },
    { SessionId: "-a" },
    { TargetVariant: "a_b" },
  ])("%j", (input) => {
    expect(invoke(input)).toContain("failed to satisfy constraint");
  });
});

test("a violation is told exactly when the model's limits are broken, at its own place", () => {
  const item = (value: object) => ({
    EndpointName: "e",
    DesiredWeightsAndCapacities: [{ VariantName: "v" }, value],
  });
  const rules = {
    DesiredWeightsAndCapacities: list(1, 2),
    VariantName: text(1, 5, "[a-z]+"),
    DesiredInstanceCount: integer(0, 9),
  };
  fc.assert(
    fc.property(
      fc.string({ maxLength: 8 }),
      fc.integer({ min: -20, max: 20 }),
      (VariantName, DesiredInstanceCount) => {
        const message = told(
          sagemaker.UpdateEndpointWeightsAndCapacitiesInput$,
          item({ VariantName, DesiredInstanceCount }),
          rules,
        );
        if (!VariantName.isWellFormed()) return;
        const wrongName = !/^[a-z]{1,5}$/.test(VariantName);
        const wrongCount = DesiredInstanceCount < 0 || DesiredInstanceCount > 9;
        expect(message?.includes("at 'desiredWeightsAndCapacities.2.member.variantName'") ?? false).toBe(
          wrongName,
        );
        expect(
          message?.includes("at 'desiredWeightsAndCapacities.2.member.desiredInstanceCount'") ?? false,
        ).toBe(wrongCount);
      },
    ),
    { seed: 7 },
  );
});
