import CLibPQ
import Glibc

extension PostgresConfiguration {
    /// For PostgreSQL's own programs: the connection as a service file (manual, chapter 34.17), so that no password
    /// stands in a command line. A program started with `PGSERVICEFILE` and `PGSERVICE=anb` connects as this process.
    package var serviceFile: String {
        var values: [(String, String)] = []
        for (keyword, value) in parameters {
            var message: UnsafeMutablePointer<CChar>?
            guard keyword == "dbname", value.hasPrefix("postgres"), let options = PQconninfoParse(value, &message)
            else {
                PQfreemem(message)
                values.append((keyword, value))
                continue
            }
            defer { PQconninfoFree(options) }
            var option = options
            while let name = option.pointee.keyword {
                if let value = option.pointee.val { values.append((String(cString: name), String(cString: value))) }
                option += 1
            }
        }
        // The folder's descriptor is this process's; of a keyword that came twice the last one counts.
        var last: [String: String] = [:]
        for (keyword, value) in values {
            last[keyword] = value.replacing("/proc/self/", with: "/proc/\(getpid())/")
        }
        return "[anb]\n" + last.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)\n" }.joined()
    }
}
