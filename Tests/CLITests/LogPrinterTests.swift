import CLI
import Testing

@Suite struct LogPrinterTests {
    @Test(
        "a line's severity is the level in front of its text",
        arguments: [
            ("[12] 2026/11/21 05:17:32.05 [INF] Server is ready", LogLine.Severity.routine),
            ("[12] 2026/11/21 05:17:32.05 [WRN] Maximum payload", .warning),
            ("[12] 2026/11/21 05:17:32.05 [FTL] cannot listen", .error),
            ("2026-11-21 05:17:32.052 | INFO     | gateway - an error was expected", .routine),
            ("2026-11-21 05:17:32.052 | WARNING  | gateway - slow", .warning),
            (#"{"timestamp":"2026-11-21T05:17:32.052Z","level":"ERROR","message":"x"}"#, .error),
        ])
    func severity(line: String, severity: LogLine.Severity) {
        #expect(LogLine.severity(of: line) == severity)
    }

    @Test("a line without a level has none")
    func noSeverity() {
        #expect(LogLine.severity(of: "Fatal: index out of range") == nil)
        #expect(LogLine.severity(of: "") == nil)
    }

    @Test("every line carries its process's name, and names are equally wide")
    func prefixes() {
        let printer = LogPrinter(names: ["nats", "worker-1"], quiet: false, coloured: false)
        #expect(printer.rendered("hello", from: "nats") == "nats     | hello\n")
        #expect(printer.rendered("hello", from: "worker-1") == "worker-1 | hello\n")
    }

    @Test("colours surround the name only, and only where they were asked for")
    func colours() {
        let printer = LogPrinter(names: ["nats"], quiet: false, coloured: true)
        #expect(printer.rendered("hello", from: "nats") == "\u{1B}[36mnats |\u{1B}[0m hello\n")
    }

    @Test("quiet mode shows warnings, errors, and what has no level")
    func quiet() {
        let printer = LogPrinter(names: ["nats"], quiet: true, coloured: false)
        #expect(printer.rendered("[1] x [INF] ready", from: "nats") == nil)
        #expect(printer.rendered("[1] x [WRN] slow", from: "nats") != nil)
        #expect(printer.rendered("Fatal: index out of range", from: "nats") != nil)
    }

    @Test("the last twenty lines of a process are kept, also those that are not shown")
    func lastLines() {
        let printer = LogPrinter(names: ["nats"], quiet: true, coloured: false)
        for number in 1...25 { printer.take("[INF] \(number)", from: "nats") }
        #expect(printer.lastLines(of: "nats") == (6...25).map { "[INF] \($0)" })
        #expect(printer.lastLines(of: "config") == [])
    }
}
