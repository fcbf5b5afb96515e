import Settings
import Testing

@Suite("Environment variables")
struct EnvironmentTests {
    @Test(
        "booleans are true in all their forms and false otherwise",
        arguments: [
            ("true", true), ("1", true), ("yes", true), ("True", true), ("YES", true), ("TRUE", true),
            ("false", false), ("0", false), ("no", false), ("anything", false), ("", false),
        ])
    func booleans(text: String, expected: Bool) {
        #expect(Environment(["FLAG": text]).bool("FLAG") == expected)
        #expect(!Environment([:]).bool("FLAG"))
    }

    @Test("numbers that do not parse mean the default")
    func numbers() {
        let environment = Environment(["I": "7", "BAD": "x", "F": "0.5", "INF": "inf", "EMPTY": ""])
        #expect(environment.integer("I", default: 1) == 7)
        #expect(environment.integer("BAD", default: 1) == 1)
        #expect(environment.integer("EMPTY", default: 1) == 1)
        #expect(environment.double("F", default: 1) == 0.5)
        #expect(environment.double("INF", default: 1) == 1)
        #expect(environment.double("NONE", default: 1) == 1)
    }

    @Test("lists are split, trimmed and freed of empty parts; text that is empty is none")
    func texts() {
        #expect(Environment.list(" a , b,,c ,") == ["a", "b", "c"])
        #expect(Environment.list("") == [])
        #expect(Environment(["L": "a, b"]).list("L") == ["a", "b"])
        #expect(Environment([:]).list("L") == [])
        #expect(Environment(["S": ""]).string("S") == nil)
        #expect(Environment(["S": "x"]).string("S") == "x")
    }

    @Test("the strict readings take what they name and nothing else")
    func strict() throws {
        let environment = Environment([
            "ON": "On", "OFF": "no", "ODD": "maybe", "N": "7", "BIG": "11", "T": "0.25", "LONG": "61",
        ])
        #expect(try environment.flag("ON") == true)
        #expect(try environment.flag("OFF") == false)
        #expect(try environment.flag("NONE") == nil)
        #expect(try environment.integer("N", in: 1...10) == 7)
        #expect(try environment.integer("NONE", in: 1...10) == nil)
        #expect(try environment.seconds("T", in: 0...60) == .milliseconds(250))
        #expect(throws: SettingError("ODD must be true or false, not 'maybe'")) { try environment.flag("ODD") }
        #expect(throws: SettingError("BIG must be a whole number from 1 to 10, not '11'")) {
            try environment.integer("BIG", in: 1...10)
        }
        #expect(throws: SettingError("LONG must be seconds from 0.0 to 60.0, not '61'")) {
            try environment.seconds("LONG", in: 0...60)
        }
    }
}
