import SystemPackage

/// Says what a push does: as GitHub workflow commands, or as plain lines.
///
/// What services and files say is text of strangers: it never becomes a command, and a token in it is blotted out.
package struct PushReporter: Sendable {
    package enum Style: Sendable {
        /// The log of a GitHub job, on standard output.
        case github
        /// Lines for people on standard error, the table on standard output.
        case plain
    }

    private let style: Style
    private let secrets: [String]
    /// The file that GitHub shows as the job's summary.
    private let summaryFile: String?

    package init(style: Style, secrets: [String], summaryFile: String? = nil) {
        self.style = style
        self.secrets = secrets
        self.summaryFile = summaryFile
    }

    func say(_ annotations: [Annotation]) {
        for annotation in annotations { write(line(annotation)) }
    }

    func log(_ text: String) { write(line(text)) }

    /// Shows a service's answer as it came.
    func answer(_ answer: ServiceAnswer, to call: String) { write(block(answer.text, title: call)) }

    func table(_ records: [PushRecord]) {
        StandardStreams.writeOutput(PushRecord.plain(records).map(line).joined())
        guard let summaryFile else { return }
        // The summary is a service to readers; a run does not fail for it.
        let file = try? FileDescriptor.open(
            FilePath(summaryFile), .writeOnly, options: [.append, .create], permissions: .ownerReadWrite)
        _ = try? file?.closeAfter { try file?.writeAll(redacted(PushRecord.markdown(records)).utf8) }
    }

    /// One line for a remark.
    package func line(_ annotation: Annotation) -> String {
        redacted(style == .github ? annotation.workflowCommand : Self.oneLine(annotation.plainText)) + "\n"
    }

    /// One line that is no command.
    package func line(_ text: String) -> String {
        redacted(Self.oneLine(text)) + "\n"
    }

    /// Several lines of a stranger.
    package func block(_ text: String, title: String) -> String {
        guard style == .github else { return text.isEmpty ? "" : redacted("  \(Self.oneLine(title)): \(text)\n") }
        // Nothing between the two marks is a command; who does not know the word cannot end it.
        let word = (0..<4).map { _ in String(UInt64.random(in: .min ... .max), radix: 36) }.joined()
        return redacted(
            "::group::\(Annotation(.notice, title).escapedMessage)\n::stop-commands::\(word)\n\(text)\n::\(word)::\n"
                + "::endgroup::\n")
    }

    /// A text as one line that the runner cannot read as a command.
    private static func oneLine(_ text: String) -> String {
        var result = text.utf8.starts(with: "::".utf8) ? " " : ""
        for scalar in text.unicodeScalars {
            result.unicodeScalars.append(scalar.properties.generalCategory == .control ? " " : scalar)
        }
        return result.replacing("##[", with: "## [")
    }

    private func redacted(_ text: String) -> String {
        secrets.filter { !$0.isEmpty }.reduce(text) { $0.replacing($1, with: "***") }
    }

    private func write(_ text: String) {
        switch style {
        case .github: StandardStreams.writeOutput(text)
        case .plain: StandardStreams.writeError(text)
        }
    }
}
