import { expect, test } from "vitest";
import { metricOf } from "../../../src/telemetry/metric.ts";
import { searchMatcher } from "../../../src/telemetry/math/search.ts";

const metrics = {
  invocations: metricOf("AWS/SageMaker", "Invocations", [
    ["EndpointName", "iris"],
    ["VariantName", "All"],
  ]),
  latency: metricOf("AWS/SageMaker", "ModelLatency", [
    ["EndpointName", "iris-2"],
    ["VariantName", "All"],
  ]),
  cpu: metricOf("/aws/sagemaker/Endpoints", "CPUUtilization", [["EndpointName", "iris"]]),
  own: metricOf("my app", "Logins", []),
};

test.each<[string, (keyof typeof metrics)[]]>([
  ["{AWS/SageMaker,EndpointName,VariantName}", ["invocations", "latency"]],
  ['{AWS/SageMaker,VariantName,EndpointName} MetricName="Invocations"', ["invocations"]],
  ["{AWS/SageMaker,EndpointName} Invocations", []],
  ['{"my app"}', ["own"]],
  ["iris", ["invocations", "latency", "cpu"]],
  ['"iris"', ["invocations", "cpu"]],
  ['EndpointName="iris" AND MetricName="CPUUtilization"', ["cpu"]],
  ["EndpointName=IRIS NOT MetricName=cpu", ["invocations", "latency"]],
  ["Logins OR CPUUtilization", ["cpu", "own"]],
  ["Namespace=sagemaker MetricName=Latency", ["latency"]],
])("%s", (pattern, wanted) => {
  const matches = searchMatcher(pattern);
  const found = Object.entries(metrics).filter(([, metric]) => matches(metric));
  expect(found.map(([name]) => name)).toEqual(wanted);
});

test.each([
  ["", "SEARCH: a namespace in braces or a term is needed"],
  ["{} x", "SEARCH: the braces begin with a namespace"],
  ["(a OR b)", "SEARCH: '(a OR b)' is not understood; parentheses are not supported by Tideway"],
])("'%s' is refused", (pattern, message) => {
  expect(() => searchMatcher(pattern)).toThrow(message);
});
