import CLI
import Settings
import Testing

/// The texts that leave a push: keys, annotations, tables.
@Suite struct PushTextTests {
    @Test("the idempotency key is the documented one")
    func key() {
        #expect(
            IdempotencyKey.make(
                repository: "o/r", commit: "0123456789abcdef0123456789abcdef01234567",
                path: "configs/models/ok__two.yaml") == "gh-o-r-0123456789ab-05c648fbdb69")
    }

    @Test("text cannot end the workflow command it stands in")
    func annotation() {
        let annotation = Annotation(.error, "50%\r\n::warning::x", file: "a:b,c\n%.yaml")
        #expect(
            annotation.workflowCommand == "::error file=a%3Ab%2Cc%0A%25.yaml::50%25%0D%0A::warning::x")
        #expect(Annotation(.notice, "m").workflowCommand == "::notice::m")
        #expect(Annotation(.warning, "m", file: "f").plainText == "f: warning: m")
    }

    @Test("a stranger's text becomes no command, and a token in it is blotted out")
    func reporter() {
        let reporter = PushReporter(style: .github, secrets: ["s3cret", ""])
        #expect(reporter.line("::error::x\ny ##[error]z s3cret") == " ::error::x y ## [error]z ***\n")
        let block = reporter.block("::error::x\ns3cret", title: "a\nb")
        let lines = block.split(separator: "\n")
        #expect(lines.first == "::group::a%0Ab")
        #expect(lines[1].hasPrefix("::stop-commands::"))
        #expect(lines[lines.count - 2] == "::\(lines[1].dropFirst("::stop-commands::".count))::")
        #expect(lines.last == "::endgroup::")
        #expect(!block.contains("s3cret"))
    }

    @Test("a file's name cannot break the summary's table")
    func summary() {
        var record = PushRecord(file: "a|b`<script>\n.yaml", key: "gh-o_r", outcome: "created")
        record.status = "201"
        record.duration = .milliseconds(1250)
        let row = PushRecord.markdown([record]).split(separator: "\n").last
        #expect(row == "| a\\|b\\`&lt;script> .yaml | gh-o\\_r | 201 | created | 1.3 |")
    }

    @Test("a URL loses the slashes at its end; what is no service's URL is refused")
    func serviceURL() throws {
        #expect(try ServiceSettings.serviceURL("https://c.example.org/base///", "X") == "https://c.example.org/base")
        for text in ["", "c.example.org", "ftp://c", "https://", "https://c?x=1", "file:///etc/passwd"] {
            #expect(throws: SettingError.self, "\(text)") { _ = try ServiceSettings.serviceURL(text, "X") }
        }
    }

    @Test("paths are encoded but for slashes")
    func path() {
        #expect(ServiceClient.path("a/b c%?#ü") == "a/b%20c%25%3F%23%C3%BC")
    }

    @Test("numbers must be positive integers, policies known")
    func options() throws {
        let options = try PushOptions(
            environment: Environment(["READINESS_POLICY": "routable", "POST_MAX_ATTEMPTS": "5"]))
        #expect(options.readiness.condition == .routable)
        #expect(options.maximumAttempts == 5)
        #expect(options.readiness.timeout == .seconds(180) && options.readiness.interval == .seconds(5))
        for (name, value) in [
            ("READINESS_TIMEOUT_SECONDS", "0"), ("READINESS_TIMEOUT_SECONDS", "1.5"),
            ("READINESS_POLL_INTERVAL_SECONDS", "x"), ("READINESS_POLICY", "maybe"), ("POST_MAX_ATTEMPTS", "-1"),
        ] {
            #expect(throws: SettingError.self, "\(name)=\(value)") {
                _ = try PushOptions(environment: Environment([name: value]))
            }
        }
    }
}
