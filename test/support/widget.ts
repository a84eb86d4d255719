import { defineKind } from "../../src/state/resource.ts";

export interface WidgetSpec {
  readonly size: number;
  readonly note?: string;
}
export interface WidgetStatus {
  readonly state: "Creating" | "InService" | "Failed";
  readonly reason?: string;
}
/** A kind for tests whose names heed case. */
export const Widget = defineKind<WidgetSpec, WidgetStatus>({
  name: "Widget",
  arrows: { Creating: ["InService", "Failed"], InService: ["Failed"] },
});
/** A kind for tests whose names don't. */
export const Gadget = defineKind<WidgetSpec, WidgetStatus>({ ...Widget, name: "Gadget", ignoresCase: true });

/** A new widget or gadget. */
export const draft = (
  name: string,
  size = 1,
  more: { owner?: string; tags?: Record<string, string> } = {},
) => ({
  name,
  arn: `arn:widget/${name}`,
  spec: { size },
  status: { state: "Creating" } as WidgetStatus,
  ...more,
});
