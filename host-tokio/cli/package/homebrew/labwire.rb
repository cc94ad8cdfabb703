class Labwire < Formula
  desc "Socket protocols of optimizers and lab instruments, and engines behind them"
  homepage "https://github.com/labwire/labwire"
  url "https://github.com/labwire/labwire/releases/download/v@VERSION@/labwire-@VERSION@.tar.gz"
  sha256 "@SOURCE_SHA256@"
  license any_of: ["MIT", "Apache-2.0"]

  depends_on "rust" => :build

  def install
    system "cargo", "install", *std_cargo_args(path: "host-tokio/cli")
  end

  service do
    run [opt_bin/"labwire", "serve"]
    keep_alive successful_exit: false
    environment_variables XDG_STATE_HOME: var
    log_path var/"log/labwire.log"
    error_log_path var/"log/labwire.log"
  end

  test do
    (testpath/"mine.json").write '{"variables": {"x": 1}, "cost": "(x[0] - 3)^2"}'
    assert_match "converged", shell_output("#{bin}/labwire solve mine.json")
  end
end
