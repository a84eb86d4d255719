// The least that a process of Node can do: it says that it is there.
process.send("ready");
process.disconnect();
