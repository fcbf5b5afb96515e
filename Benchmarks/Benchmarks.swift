import ArgumentParser

/// `sie-bench`: each sub-command measures one part of the platform against a peer in the same run and prints ratios.
@main
struct Benchmarks: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sie-bench",
        abstract: "Measures the platform's parts against peers run in the same command.",
        subcommands: [
            NATSBenchmark.self, GatewayBenchmark.self, GatewayCostBenchmark.self, WorkerBenchmark.self,
            KernelBenchmark.self, TokenizerBenchmark.self, ConfigBenchmark.self, OperatorBenchmark.self,
        ])
}
