import { engineContract } from "../../contracts/engine.ts";
import { gzip, processFixture } from "./engine-fixture.ts";

for (const image of ["socket", "port"])
  engineContract(`processes, on a ${image}`, async () => {
    const fixture = await processFixture();
    fixture.objects.add("endless", Buffer.alloc(3_000_000));
    const get = fixture.objects.get.bind(fixture.objects);
    fixture.objects.get = async (bucket, key, signal) => {
      const answer = await get(bucket, key, signal);
      return key === "endless" ? { ...answer, body: endless(answer.body) } : answer;
    };
    return {
      ...fixture,
      image,
      artifact: gzip("model.tar.gz"),
      endlessArtifact: { uri: "s3://bucket/endless", dataType: "S3Object", compression: "None" },
      missingArtifact: gzip("missing.tar.gz"),
    };
  });

async function* endless(body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  for await (const chunk of body) {
    yield chunk;
    await new Promise(() => {});
  }
}
