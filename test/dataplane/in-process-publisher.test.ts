import { systemClock } from "../../src/base/clock.ts";
import { silentLog } from "../../src/base/log.ts";
import { systemRandom } from "../../src/base/random.ts";
import { createDataPlane } from "../../src/dataplane/create-data-plane.ts";
import { InProcessPublisher } from "../../src/dataplane/in-process-publisher.ts";
import { routePublisherContract } from "../contracts/route-publisher.ts";

routePublisherContract("in process", async () => {
  const dataPlane = createDataPlane({ clock: systemClock, random: systemRandom, log: silentLog });
  return {
    publisher: new InProcessPublisher(dataPlane, systemClock),
    dataPlanes: [dataPlane],
    close: async () => dataPlane[Symbol.asyncDispose](),
  };
});
