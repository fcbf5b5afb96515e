import Foundation
import Logging
import Observability
import Testing

@Suite("Logs")
struct LogTests {
    private func line(
        _ format: LogFormat, message: String = "hello", metadata: Logger.Metadata = [:], error: String? = nil
    ) -> String {
        let line = LogLine(
            format: format, timestamp: LogTimestamp(millisecondsSince1970: 1_769_862_896_789), level: .warning,
            logger: "sie.audit", message: message, metadata: metadata, error: error)
        return String(decoding: line.bytes(), as: UTF8.self)
    }

    @Test("the text form is time, padded level, logger and message")
    func text() {
        #expect(
            line(.text, metadata: ["b": "2", "a": "1"])
                == "2026-01-31T12:34:56.789Z | WARNING  | sie.audit - hello a=1 b=2\n")
    }

    @Test("a value cannot forge a second line")
    func forgery() {
        #expect(line(.text, message: "a\nb\r\u{1B}").split(separator: "\n").count == 1)
        #expect(line(.json, message: "a\nb").split(separator: "\n").count == 1)
    }

    @Test("the JSON form has the metadata beside the message, with numbers as numbers")
    func json() throws {
        let text = line(
            .json, message: "say \"hi\"\u{01}",
            metadata: [
                "status": .stringConvertible(201), "model": "a/b", "latency_ms": .stringConvertible(1.25), "level": "x",
            ],
            error: "boom")
        #expect(
            text == """
                {"timestamp":"2026-01-31T12:34:56.789Z","level":"WARNING","logger":"sie.audit","message":"say \\"hi\\"\\u0001",\
                "latency_ms":1.25,"level_":"x","model":"a/b","status":201,"exception":"boom"}

                """)
        #expect(try JSONSerialization.jsonObject(with: Data(text.utf8)) is [String: Any])
    }

    @Test("the nested JSON form keeps message and metadata in fields")
    func nestedJSON() {
        #expect(
            line(.nestedJSON, message: "audit", metadata: ["event": "api_request", "tags": ["a", ["k": "v"]]])
                == """
                {"timestamp":"2026-01-31T12:34:56.789Z","level":"WARNING","fields":{"message":"audit","event":"api_request",\
                "tags":["a",{"k":"v"}]},"target":"sie.audit"}

                """)
    }

    @Test("dates are right around leap days and before 1970")
    func dates() {
        let known: [(Int64, String)] = [
            (0, "Thu, 01 Jan 1970 00:00:00 GMT"), (784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT"),
            (951_782_400, "Tue, 29 Feb 2000 00:00:00 GMT"), (1_709_251_199, "Thu, 29 Feb 2024 23:59:59 GMT"),
            (4_107_542_400, "Mon, 01 Mar 2100 00:00:00 GMT"), (-1, "Wed, 31 Dec 1969 23:59:59 GMT"),
        ]
        for (seconds, text) in known {
            #expect(CivilTime(secondsSince1970: seconds).httpDate == text)
        }
    }

    @Test("levels are read in any case; unknown names mean info")
    func levels() {
        for (name, level) in [
            ("debug", Logger.Level.debug), ("INFO", .info), ("warn", .warning), ("Warning", .warning),
            ("ERROR", .error),
            ("loud", .info), ("", .info),
        ] {
            #expect(LogConfiguration.level(named: name) == level)
        }
    }

    @Test("the gateway's redaction keeps the last four characters")
    func lastFour() {
        for (token, masked) in [
            ("", "****"), ("abcd", "****"), ("abcde", "*bcde"), ("secret-token-123", "************-123"),
        ] {
            #expect(LogRedaction.lastFour(token) == masked)
        }
        #expect(LogRedaction.lastFour(nil) == "")
    }

    @Test("the config service's redaction is a prefix of SHA-256")
    func digest() {
        #expect(LogRedaction.digest("abc") == "ba7816bf8f01")
        #expect(LogRedaction.digest(nil) == nil)
    }

    @Test("lines below the level are not written, and a stalled reader costs lines, not time")
    func output() throws {
        let pipe = Pipe()
        let output = LogOutput(fileDescriptor: pipe.fileHandleForWriting.fileDescriptor, capacityBytes: 300)
        var logger = Logger(label: "x") { StructuredLogHandler(label: $0, level: .info, format: .json, output: output) }
        logger[metadataKey: "own"] = "1"
        logger.debug("hidden")
        logger.info("shown", metadata: ["call": "2"])
        output.write([UInt8](repeating: 0x61, count: 400))
        output.flush()
        logger.error("after")
        output.flush()
        try pipe.fileHandleForWriting.close()
        let text = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        #expect(!text.contains("hidden"))
        #expect(text.contains(#""message":"shown","call":"2","own":"1"}"#))
        #expect(text.contains("1 log lines dropped\n"))
        #expect(text.contains(#""message":"after""#))
    }

    // MARK: Repetitions

    private func repeated(_ cause: String = "refused") -> LogRepetitions.Line {
        .init(level: .warning, logger: "l", message: "failed", cause: cause)
    }

    @Test("what is said for the eleventh time within a minute is left out and counted; what is new is written")
    func repetitions() {
        var repetitions = LogRepetitions()
        for second in 0..<10 { #expect(repetitions.take(repeated(), now: .seconds(second)) == .write) }
        #expect(repetitions.take(repeated(), now: .seconds(15)) == .leaveOut(endsAfter: .seconds(45)))
        #expect(repetitions.take(repeated(), now: .seconds(16)) == .leaveOut(endsAfter: nil))
        #expect(repetitions.take(repeated("timed out"), now: .seconds(16)) == .write)
        #expect(repetitions.summaries(now: .seconds(59)).isEmpty)
        let ended = repetitions.summaries(now: .seconds(60))
        #expect(ended.map(\.line) == [repeated()] && ended.map(\.count) == [2])
        #expect(repetitions.take(repeated(), now: .seconds(61)) == .write)
    }

    @Test("a minute with few of them is forgotten, and more kinds than are told apart are written")
    func repetitionWindows() {
        var repetitions = LogRepetitions()
        for second in 0..<30 { #expect(repetitions.take(repeated(), now: .seconds(second * 7)) == .write) }
        for kind in 0..<5000 { #expect(repetitions.take(repeated("\(kind)"), now: .seconds(300)) == .write) }
        #expect(repetitions.summaries(now: .seconds(1000)).isEmpty)
    }

    @Test("warnings that repeat are left out of the output, whatever object they are of, and information is not")
    func repetitionFilter() throws {
        let pipe = Pipe()
        let output = LogOutput(fileDescriptor: pipe.fileHandleForWriting.fileDescriptor)
        let filter = LogRepetitionFilter(output: output, format: .json)
        let logger = Logger(label: "l") { label in
            StructuredLogHandler(label: label, level: .info, format: .json, output: output, repetitions: filter)
        }
        for index in 0..<40 {
            logger.warning("failed", metadata: ["name": "m\(index)", "error": "refused"])
            logger.info("done", metadata: ["name": "m\(index)"])
        }
        output.flush()
        try pipe.fileHandleForWriting.close()
        let lines = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
            .split(separator: "\n")
        #expect(lines.count { $0.contains("failed") } == 10)
        #expect(lines.count { $0.contains("done") } == 40)
    }
}
